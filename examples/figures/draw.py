"""Draw the figures of the example digest.

Diagrams are kept as SVG files next to this script and edited by hand. The plots are computed here and written as SVG
too, so that every figure has one readable source. `python draw.py` writes the plots and renders every SVG to
`../digest/figures/*.png` at twice its size; `python draw.py dall-e-tokens` does one. Needs Chromium and Pillow.
"""

import math
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from html import escape
from pathlib import Path

from gaussian_process import OBSERVED, posterior, probability_of_improvement
from PIL import Image

HERE = Path(__file__).resolve().parent
PNG_FOLDER = HERE.parent / "digest" / "figures"
SCALE = 2
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")

INK, MUTED, RULE, PALE = "#1d2733", "#55616e", "#c9d1d9", "#e9edf1"
BLUE, PALE_BLUE, ORANGE = "#0067a5", "#cfe3f1", "#c25100"
STYLE = f"""
text {{ font-family: "Liberation Sans", Arial, Helvetica, sans-serif; font-size: 26px; fill: {INK}; }}
.muted {{ fill: {MUTED}; }} .blue {{ fill: {BLUE}; }} .orange {{ fill: {ORANGE}; }}
.strong {{ font-weight: bold; }} .middle {{ text-anchor: middle; }} .end {{ text-anchor: end; }}
.halo {{ paint-order: stroke; stroke: #ffffff; stroke-width: 10px; }}
"""


def svg(width: int, height: int, parts: Iterable[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">\n'
        f'<style>{STYLE}</style>\n<rect width="{width}" height="{height}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def text(x: float, y: float, words: str, classes: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{classes}">{escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, colour: str = RULE, width: float = 2, dash: str = "") -> str:
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
        f' stroke="{colour}" stroke-width="{width}"{dashes}/>'
    )


def rect(x: float, y: float, width: float, height: float, fill: str, more: str = "") -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{fill}" {more}/>'


def circle(x: float, y: float, radius: float, fill: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{fill}"/>'


def points(pairs: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in pairs)


# --- What a Gaussian process believes, and where it would drill next ----------------------------------------------

CAUTIOUS, CURIOUS = 0.05, 0.5
LEFT, RIGHT = 24, 696
XS = [index / 30 for index in range(301)]


def across(x: float) -> float:
    return LEFT + x / 10 * (RIGHT - LEFT)


def belief_panel(top: float, base: float) -> list[str]:
    def up(value: float) -> float:
        return base - (value + 0.75) / 2.1 * (base - top)

    belief = [(across(x), *posterior(x)) for x in XS]
    upper = [(x, up(mean + 1.96 * deviation)) for x, mean, deviation in belief]
    lower = [(x, up(mean - 1.96 * deviation)) for x, mean, deviation in belief]
    middle = [(x, up(mean)) for x, mean, _ in belief]
    return [
        f'<polygon points="{points(upper + lower[::-1])}" fill="{PALE_BLUE}"/>',
        f'<polyline points="{points(middle)}" fill="none" stroke="{BLUE}" stroke-width="4"/>',
        *(circle(across(x), up(value), 10, INK) for x, value in OBSERVED),
        line(across(2.6), up(0.85) - 16, across(2.6), up(1.16), INK),
        text(across(2.6), up(1.2), "best so far", "middle"),
        text(across(6.6), up(0.95), "95 % band", "blue middle"),
        text(across(6.6), up(0.10), "mean", "blue middle"),
    ]


def acquisition_panel(epsilon: float, label: str, colour: str, top: float, base: float) -> list[str]:
    """One curve of the probability of improvement, drawn to its own maximum, and where that maximum lies."""
    chances = [probability_of_improvement(x, epsilon) for x in XS]
    peak = max(chances)
    best_x = across(XS[chances.index(peak)])
    curve = [(across(x), base - chance / peak * (base - top)) for x, chance in zip(XS, chances, strict=True)]
    return [
        f'<polygon points="{points([(LEFT, base), *curve, (RIGHT, base)])}" fill="{colour}"/>',
        line(LEFT, base, RIGHT, base, INK),
        f'<path d="M{best_x:.1f} {top - 4}l-11 -20h22z" fill="{INK}"/>',
        text(best_x + 26, top - 2, label),
    ]


def bayesian_optimization() -> str:
    return svg(
        720,
        720,
        [
            text(LEFT, 36, "What the model believes", "strong"),
            *belief_panel(56, 370),
            text(LEFT, 428, "Where improvement is most probable", "strong"),
            *acquisition_panel(CAUTIOUS, f"ε = {CAUTIOUS}", ORANGE, 476, 546),
            *acquisition_panel(CURIOUS, f"ε = {CURIOUS}", ORANGE, 600, 670),
            text(RIGHT, 708, "where to drill →", "muted end"),
        ],
    )


# --- Charts of figures that the stories give ---------------------------------------------------------------------


def casp_scores() -> str:
    base, top, width = 430, 70, 150

    def up(score: float) -> float:
        return base - score / 100 * (base - top)

    bars = [
        (110, 40, "about 40", ("best model", "before 2018"), PALE_BLUE),
        (360, 59, "nearly 60", ("AlphaFold 1", "CASP13"), PALE_BLUE),
        (610, 92.4, "92.4", ("AlphaFold 2", "CASP14"), BLUE),
    ]
    parts = [
        text(24, 36, "Global Distance Test, 0–100", "muted"),
        line(24, up(90), 696, up(90), ORANGE, 3, "10 7"),
        text(24, up(90) + 34, "90: competitive with experiment", "orange"),
    ]
    for centre, score, label, below, fill in bars:
        parts += [
            rect(centre - width / 2, up(score), width, base - up(score), fill),
            text(centre, up(score) - 14, label, "strong middle"),
            text(centre, base + 38, below[0], "middle"),
            text(centre, base + 70, below[1], "muted middle"),
        ]
    return svg(720, 524, [*parts, line(24, base, 696, base, INK)])


def gpt_sizes() -> str:
    left, right, base = 190, 664, 300

    def along(parameters: float) -> float:
        return left + (math.log10(parameters) - 8) / 4 * (right - left)

    rows = [
        ("GPT-2", 96, [117e6, 345e6, 774e6, 1.5e9], "117M to 1.5B", "blue"),
        ("Turing-NLG", 176, [17e9], "17B", "blue"),
        ("GPT-3", 256, [175e9], "175B", "orange strong"),
    ]
    parts = [text(24, 36, "Parameters; each line is ten times the last", "muted")]
    for power, label in enumerate(("100M", "1B", "10B", "100B"), start=8):
        x = along(10**power)
        parts += [line(x, 62, x, base), text(x, base + 38, label, "muted middle")]
    for name, y, sizes, label, classes in rows:
        parts += [text(24, y + 9, name, "strong")]
        parts += [circle(along(size), y, 12, BLUE if classes == "blue" else ORANGE) for size in sizes]
        parts += [text(along(sizes[-1]) + 24, y + 9, label, classes + " halo")]
    return svg(720, 356, parts)


def dall_e_tokens() -> str:
    cell, left, top, drawn = 9, 408, 214, 20 * 32 + 21
    parts = [text(24, 36, "Every token is predicted from those before it", "strong")]
    for index in range(37):
        fill = ORANGE if index < 8 else BLUE if index < 26 else PALE
        parts.append(rect(24 + index * 18.2, 62, 14, 44, fill, 'rx="2"'))
    parts += [
        line(24, 122, 164, 122, ORANGE, 3),
        line(170, 122, 694, 122, BLUE, 3),
        text(24, 160, "text", "orange strong"),
        text(170, 160, "image", "blue strong"),
        text(24, 244, "“a lighthouse knitted"),
        text(24, 278, "from red wool”"),
        text(24, 348, "text", "orange"),
        text(236, 348, "up to 256", "orange end"),
        text(24, 390, "32 × 32", "blue"),
        text(236, 390, "+ 1,024", "blue end"),
        line(24, 410, 236, 410, INK),
        text(24, 450, "tokens", "strong"),
        text(236, 450, "1,280", "strong end"),
    ]
    for index in range(32 * 32):
        fill = BLUE if index < drawn else ORANGE if index == drawn else PALE
        parts.append(rect(left + index % 32 * cell, top + index // 32 * cell, cell - 1.5, cell - 1.5, fill))
    return svg(720, 524, parts)


# --- A puzzle in the manner of ARC: everything slides towards the dark wall --------------------------------------

LEFT_BEFORE = ["#.....", "#..b..", "#..bb.", "#.....", "#.o..o", "#....."]
LEFT_AFTER = ["#.....", "#b....", "#bb...", "#.....", "#oo...", "#....."]
DOWN_BEFORE = [".o....", ".o..b.", "......", "..b.b.", "......", "######"]
DOWN_AFTER = ["......", "......", "......", ".o..b.", ".ob.b.", "######"]
RIGHT_BEFORE = [".b...#", ".....#", "o..o.#", ".....#", "bb...#", "..o..#"]


def grid(rows: list[str], left: float, top: float, cell: float = 32) -> list[str]:
    fills = {".": "#ffffff", "#": INK, "b": BLUE, "o": "#f0a04b"}
    return [
        rect(left + column * cell, top + row * cell, cell, cell, fills[mark], f'stroke="{RULE}" stroke-width="2"')
        for row, marks in enumerate(rows)
        for column, mark in enumerate(marks)
    ]


def arc_puzzle() -> str:
    columns = [(40, LEFT_BEFORE, LEFT_AFTER), (264, DOWN_BEFORE, DOWN_AFTER), (488, RIGHT_BEFORE, None)]
    parts = []
    for (left, before, after), title in zip(columns, ("example", "example", "your turn"), strict=True):
        parts += [text(left + 96, 36, title, "middle " + ("muted" if after else "orange strong"))]
        parts += grid(before, left, 56)
        parts += [f'<path d="M{left + 96} 262v26m-10-11l10 12l10-12" fill="none" stroke="{MUTED}" stroke-width="4"/>']
        if after:
            parts += grid(after, left, 304)
        else:
            parts += [rect(left, 304, 192, 192, PALE, f'stroke="{RULE}" stroke-width="2"')]
            parts += [f'<text x="{left + 96}" y="430" class="orange strong middle" style="font-size:84px">?</text>']
    return svg(720, 520, parts)


PLOTS = {
    "arc-puzzle": arc_puzzle,
    "bayesian-optimization": bayesian_optimization,
    "casp-scores": casp_scores,
    "dall-e-tokens": dall_e_tokens,
    "gpt-sizes": gpt_sizes,
}


def render(source: Path, target: Path) -> None:
    """Write the SVG as a PNG with a palette of 256 colours. Raises CalledProcessError when Chromium fails."""
    chromium = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if chromium is None:
        raise SystemExit(f"No Chromium found; looked for {', '.join(CHROMIUM_NAMES)}.")
    drawing = source.read_text(encoding="utf-8")
    width, height = (int(drawing.split(f'{side}="')[1].split('"')[0]) for side in ("width", "height"))
    with tempfile.TemporaryDirectory() as folder:
        page, shot = Path(folder) / "page.html", Path(folder) / "shot.png"
        page.write_text(f'<!doctype html><meta charset="utf-8"><body style="margin:0">{drawing}', encoding="utf-8")
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"]
        options += ["--disable-background-networking", "--disable-component-update", f"--user-data-dir={folder}"]
        # The window is taller than the drawing: some Chromium versions take the height of their own bars from it.
        options += [f"--force-device-scale-factor={SCALE}", f"--window-size={width},{height + 200}"]
        command = [chromium, *options, f"--screenshot={shot}", page.as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=120)  # noqa: S603 (our own files)
        with Image.open(shot) as picture:
            drawn = picture.convert("RGB").crop((0, 0, width * SCALE, height * SCALE))
        drawn.quantize(256, dither=Image.Dither.NONE).save(target, optimize=True)


def main(names: list[str]) -> None:
    for name, plot in PLOTS.items():
        (HERE / f"{name}.svg").write_text(plot(), encoding="utf-8")
    PNG_FOLDER.mkdir(parents=True, exist_ok=True)
    for source in sorted(HERE.glob("*.svg")):
        if not names or source.stem in names:
            target = PNG_FOLDER / f"{source.stem}.png"
            render(source, target)
            sys.stdout.write(f"{target.name}: {target.stat().st_size / 1000:.0f} kB\n")


if __name__ == "__main__":
    main(sys.argv[1:])
