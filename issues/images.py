"""Pictures: what their files are called, and how pages and emails show them. `image_storing.py` makes the files."""

from pathlib import PurePosixPath

from django.conf import settings
from django.core.files.storage import default_storage

from issues.models import Image
from issues.models.image import RENDITION_WIDTHS

EMAIL_WIDTH = 1200  # pixels: twice the width of the mail's column, for dense screens
KEPT_WIDTH = RENDITION_WIDTHS[-1]  # up to this, mail shows the picture as it is: a drawing's file grows when it shrinks
EMAIL_COLUMN = 600  # CSS pixels
SIZES = "(min-width: 48rem) 44rem, 100vw"


def rendition_widths(width: int) -> list[int]:
    """The widths of the WebP renditions of a picture this wide: the standing ones below it, and its own up to the last."""
    return [standing for standing in RENDITION_WIDTHS if standing < width] + (
        [width] if width <= RENDITION_WIDTHS[-1] else []
    )


def rendition_name(name: str, width: int, suffix: str) -> str:
    path = PurePosixPath(name)
    return str(path.with_name(f"{path.stem}-{width}{suffix}"))


def fallback_name(name: str, width: int) -> str:
    """The file for mail programs and old browsers: PNG or JPEG, not much wider than the mail needs."""
    return rendition_name(name, EMAIL_WIDTH, PurePosixPath(name).suffix) if width > KEPT_WIDTH else name


def attributes(image: Image, medium: str) -> dict[str, str]:
    """The attributes of an <img>, but for its alternative text."""
    name = image.file.name or ""
    fallback = default_storage.url(fallback_name(name, image.width))
    if medium == "email":
        address = fallback if "://" in fallback else settings.SITE_URL + fallback
        return {"src": address, "width": str(min(image.width, EMAIL_COLUMN))}
    candidates = [
        f"{default_storage.url(rendition_name(name, width, '.webp'))} {width}w"
        for width in rendition_widths(image.width)
    ]
    return {
        "src": fallback,
        "srcset": ", ".join(candidates),
        "sizes": SIZES,
        "width": str(image.width),
        "height": str(image.height),
        "loading": "lazy",
        "decoding": "async",
    }


def files_of(image: Image) -> list[str]:
    """The names in the storage of all files of an image."""
    name = image.file.name or ""
    renditions = [rendition_name(name, width, ".webp") for width in rendition_widths(image.width)]
    return list(dict.fromkeys([name, fallback_name(name, image.width), *renditions]))


def delete_files(image: Image) -> None:
    for name in files_of(image):
        default_storage.delete(name)
