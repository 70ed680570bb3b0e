"""Pictures: taken in, cleaned, cut to the sizes that pages and emails need."""

import hashlib
import io
from pathlib import PurePosixPath

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.models import Q
from PIL import Image as PillowImage
from PIL import ImageOps, UnidentifiedImageError

from issues.errors import BadImage
from issues.models import Image
from issues.models.image import RENDITION_WIDTHS

MAX_BYTES = 10 * 1024 * 1024
MAX_PIXELS = 40_000_000
EMAIL_WIDTH = 1200  # pixels: twice the width of the mail's column, for dense screens
EMAIL_COLUMN = 600  # CSS pixels
FORMATS = {"PNG": ".png", "JPEG": ".jpg"}
SIZES = "(min-width: 48rem) 44rem, 100vw"


def store_image(name: str, data: bytes) -> Image:
    """Return the image of these bytes, stored under `name` unless it is there already under whatever name.

    The bytes are decoded and written anew: no metadata is kept, and nothing that hides behind a picture. A name that
    another picture has gets part of the new one's hash. Raises BadImage. Two queries for a known image.
    """
    digest = hashlib.sha256(data).hexdigest()
    known = Image.objects.filter(Q(sha256=digest) | Q(file__startswith=f"figures/{digest[:16]}/")).first()
    if known:
        return known
    picture = open_picture(name, data)
    path = PurePosixPath(name)
    name = path.stem[:80] + FORMATS[picture.format or "PNG"]
    if Image.objects.filter(name=name).exists():
        name = f"{path.stem[:80]}-{digest[:8]}{path.suffix.lower()}"
    clean = encode(picture, picture.format or "PNG")
    folder = f"figures/{hashlib.sha256(clean).hexdigest()[:16]}"
    save_renditions(picture, folder, name)
    image = Image(name=name, sha256=digest, width=picture.width, height=picture.height)
    image.file.name = save(f"{folder}/{name}", clean)
    image.save()
    return image


def open_picture(name: str, data: bytes) -> PillowImage.Image:
    """Decode the bytes, upright. Raises BadImage for what is too large, broken, or neither PNG nor JPEG."""
    if len(data) > MAX_BYTES:
        raise BadImage(f"{name} has {len(data) / 1024**2:.1f} MB; 10 MB are the most. Save it smaller.")
    try:
        picture = PillowImage.open(io.BytesIO(data), formats=list(FORMATS))
        if picture.width * picture.height > MAX_PIXELS:
            raise BadImage(
                f"{name} has {picture.width} × {picture.height} pixels; 40 million are the most. Scale it down."
            )
        picture.load()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, PillowImage.DecompressionBombError) as error:
        if isinstance(error, BadImage):
            raise
        raise BadImage(f"{name} can't be read as a PNG or JPEG picture. Save it as one of these.") from error
    upright = ImageOps.exif_transpose(picture)
    upright.format = picture.format
    return upright


def encode(picture: PillowImage.Image, format: str) -> bytes:
    """Return the picture's file without metadata."""
    buffer = io.BytesIO()
    bare = picture.copy()
    bare.info = {key: value for key, value in picture.info.items() if key == "transparency"}
    if format == "JPEG":
        bare.convert("RGB").save(buffer, "JPEG", quality=88, optimize=True, progressive=True)
    elif format == "WEBP":
        bare.convert("RGBA" if bare.has_transparency_data else "RGB").save(buffer, "WEBP", quality=82, method=4)
    else:
        bare.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def save_renditions(picture: PillowImage.Image, folder: str, name: str) -> None:
    for width in rendition_widths(picture.width):
        save(rendition_name(f"{folder}/{name}", width, ".webp"), encode(scaled(picture, width), "WEBP"))
    if picture.width > EMAIL_WIDTH:
        small = scaled(picture, EMAIL_WIDTH)
        if picture.mode == "P":  # Few colours stay few: a drawing's file must not grow when its picture shrinks.
            small = small.quantize(256, dither=PillowImage.Dither.NONE)
        save(fallback_name(f"{folder}/{name}", picture.width), encode(small, picture.format or "PNG"))


def scaled(picture: PillowImage.Image, width: int) -> PillowImage.Image:
    """The picture at this width; palettes are widened first, since they can't be interpolated."""
    if width == picture.width:
        return picture
    full = (
        picture.convert("RGBA" if picture.has_transparency_data else "RGB") if picture.mode in {"P", "1"} else picture
    )
    return full.resize((width, round(picture.height * width / picture.width)), PillowImage.Resampling.LANCZOS)


def rendition_widths(width: int) -> list[int]:
    """The widths of the WebP renditions of a picture this wide: the standing ones below it, and its own up to the last."""
    return [standing for standing in RENDITION_WIDTHS if standing < width] + (
        [width] if width <= RENDITION_WIDTHS[-1] else []
    )


def rendition_name(name: str, width: int, suffix: str) -> str:
    path = PurePosixPath(name)
    return str(path.with_name(f"{path.stem}-{width}{suffix}"))


def fallback_name(name: str, width: int) -> str:
    """The file for mail programs and old browsers: PNG or JPEG, not wider than the mail needs."""
    return rendition_name(name, EMAIL_WIDTH, PurePosixPath(name).suffix) if width > EMAIL_WIDTH else name


def save(name: str, data: bytes) -> str:
    """Write a file once: its folder is named by its content, so what is there already is the same."""
    return name if default_storage.exists(name) else default_storage.save(name, ContentFile(data))


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
