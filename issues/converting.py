"""Python-Markdown with our extensions, and the sanitiser after it: see `rendering.py`, which calls this."""

from markdown import Markdown

from issues.errors import BadMarkdown
from issues.markdown_blocks import ComparisonExtension, NumberedFootnotes
from issues.markdown_extensions import DigestExtension
from issues.render_context import RenderContext
from issues.sanitising import sanitise

NOT_IN_TEXTS = "\x00"  # Footnotes always stand at the end.


def convert(source: str, context: RenderContext, scope: str) -> str:
    """Return sanitised HTML; what is found on the way is in the context. Raises BadMarkdown."""
    converter = Markdown(
        extensions=[
            "markdown.extensions.abbr",
            "markdown.extensions.def_list",
            "markdown.extensions.sane_lists",
            "markdown.extensions.smarty",
            "markdown.extensions.tables",
            "pymdownx.arithmatex",
            "pymdownx.highlight",
            "pymdownx.magiclink",
            "pymdownx.superfences",
            NumberedFootnotes(
                SEPARATOR=f"-{scope}-" if scope else "-", BACKLINK_TEXT="↩\ufe0e", PLACE_MARKER=NOT_IN_TEXTS
            ),
            ComparisonExtension(),
            DigestExtension(context),
        ],
        extension_configs={
            "markdown.extensions.tables": {"use_align_attribute": True},
            "pymdownx.arithmatex": {"generic": True},
            "pymdownx.highlight": {"guess_lang": False, "use_pygments": True},
        },
    )
    try:
        return sanitise(converter.convert(source))
    except RecursionError as error:
        raise BadMarkdown("The text nests lists or quotes too deeply to be read. Make it flatter.") from error
