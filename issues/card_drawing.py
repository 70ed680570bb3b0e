"""Drawing the picture that stands for a story or an issue where its address is shared."""

import io
import unicodedata
from functools import lru_cache

from django.conf import settings
from PIL import Image, ImageDraw, ImageFont

from issues.cards import HEIGHT, WIDTH, Card

MARGIN, BAND = 80, 14
PAPER, INK, SOFT, RULE = "#ffffff", "#17191b", "#54595e", "#d5d7d8"
TITLE_SIZES = range(92, 35, -4)  # pixels; the largest at which the title fits is taken
TITLE_TOP, TITLE_BOTTOM = 160, 490
LEADING = 1.14
FONT = settings.BASE_DIR / "static" / "fonts" / "stix-two-text-card.woff2"


def draw(card: Card) -> bytes:
    picture = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    drawing = ImageDraw.Draw(picture)
    drawing.rectangle((0, 0, WIDTH, BAND), INK)
    drawing.text((MARGIN, 104), drawable(card.publication), INK, font(38), anchor="ls")
    write_title(drawing, drawable(card.title) or f"#{card.number}")
    drawing.line((MARGIN, 524, WIDTH - MARGIN, 524), RULE, 2)
    drawing.text((MARGIN, 586), str(card.number), card.accent, font(68), anchor="ls")
    details = shortened(drawable(card.details), font(30), WIDTH - 2 * MARGIN - 240)
    drawing.text((WIDTH - MARGIN, 582), details, SOFT, font(30), anchor="rs")
    file = io.BytesIO()
    picture.quantize(64, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return file.getvalue()


def write_title(drawing: ImageDraw.ImageDraw, title: str) -> None:
    """As large as it fits; at the smallest size, what is left over becomes an ellipsis."""
    for size in TITLE_SIZES:
        lines = broken(title, font(size), WIDTH - 2 * MARGIN)
        most = int((TITLE_BOTTOM - TITLE_TOP) / (size * LEADING))
        if len(lines) <= most:
            lines = balanced(title, font(size), len(lines))
            break
    else:
        rest = " ".join(lines[most - 1 :])
        lines = [*lines[: most - 1], shortened(rest, font(size), WIDTH - 2 * MARGIN)]
    for place, line in enumerate(lines):
        drawing.text((MARGIN, TITLE_TOP + size + place * size * LEADING), line, INK, font(size), anchor="ls")


def broken(text: str, face: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """The text in lines of this width, broken between words, and within a word that is longer than a line."""
    lines = [""]
    for word in text.split():
        together = f"{lines[-1]} {word}".strip()
        if face.getlength(together) <= width:
            lines[-1] = together
            continue
        lines.append("")
        for letter in word:
            if face.getlength(lines[-1] + letter) > width:
                lines.append("")
            lines[-1] += letter
    return [line for line in lines if line]


def balanced(text: str, face: ImageFont.FreeTypeFont, count: int) -> list[str]:
    """The text in so many lines, as equally long as its words allow."""
    lines: list[str] = []
    for width in range(WIDTH - 2 * MARGIN, WIDTH // 4, -20):
        narrower = broken(text, face, width)
        if len(narrower) > count:
            break
        lines = narrower
    return lines


def shortened(text: str, face: ImageFont.FreeTypeFont, width: int) -> str:
    if face.getlength(text) <= width:
        return text
    while text and face.getlength(f"{text}…") > width:
        text = text[:-1].rstrip()
    return f"{text}…"


def drawable(text: str) -> str:
    """The text as the font can draw it: composed, without emoji; empty if it has no letter for one of its own.

    The font knows Latin, Greek and Cyrillic letters. A card without a title is better than one with boxes or gaps: what
    shows the card shows the title beside it.
    """
    composed = unicodedata.normalize("NFC", " ".join(text.split()))
    known = [letter for letter in composed if letter.isspace() or has(letter)]
    dropped = {unicodedata.category(letter) for letter in composed if letter not in known}
    return " ".join("".join(known).split()) if dropped <= {"So", "Sk", "Cf", "Mn"} else ""


@lru_cache(maxsize=4096)
def has(letter: str) -> bool:
    return glyph(letter) != glyph("\uffff")


def glyph(letter: str) -> bytes:
    return bytes(font(24).getmask(letter))


@lru_cache(maxsize=32)
def font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(FONT), size)
