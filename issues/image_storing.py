"""Pictures taken in, cleaned, and cut to the sizes that pages and emails need.

Pillow takes 3 MB of each process, and few of them take in pictures: so import this where one comes in.
"""

import hashlib
import io
import re
import unicodedata
from pathlib import PurePosixPath

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Q
from django.utils.text import slugify
from PIL import ExifTags, UnidentifiedImageError
from PIL import Image as PillowImage

from issues.errors import BadImage
from issues.images import EMAIL_WIDTH, KEPT_WIDTH, fallback_name, rendition_name, rendition_widths
from issues.models import Image

MAX_BYTES = 10 * 1024 * 1024
MAX_PIXELS = 40_000_000
MAX_SIDE = 12_000  # pixels: WebP knows no more than 16,383
OPTIMISED_PIXELS = 4_000_000  # the search for the smallest PNG takes many seconds for more
FORMATS = {"PNG": ".png", "JPEG": ".jpg"}
WAYS_TO_TURN = {  # by EXIF's orientation; 1 is upright
    2: PillowImage.Transpose.FLIP_LEFT_RIGHT,
    3: PillowImage.Transpose.ROTATE_180,
    4: PillowImage.Transpose.FLIP_TOP_BOTTOM,
    5: PillowImage.Transpose.TRANSPOSE,
    6: PillowImage.Transpose.ROTATE_270,
    7: PillowImage.Transpose.TRANSVERSE,
    8: PillowImage.Transpose.ROTATE_90,
}


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
    suffix = FORMATS[picture.format or "PNG"]
    stem = safe_stem(name)
    name = stem + suffix
    if Image.objects.filter(name=name).exists():
        name = f"{stem}-{digest[:8]}{suffix}"
    clean = data if is_bare_jpeg(data) else encode(picture, picture.format or "PNG")
    folder = f"figures/{hashlib.sha256(clean).hexdigest()[:16]}"
    save_renditions(picture, folder, name)
    image = Image(name=name, sha256=digest, width=picture.width, height=picture.height)
    image.file.name = save(f"{folder}/{name}", clean)
    with transaction.atomic():  # So that the hook for another version of the site follows the commit: site_version.py.
        image.save()
    return image


def store_upload(file: "UploadedFile[bytes]", name: str = "") -> Image:
    """Take in a picture that somebody sends, under `name` or what its file is called. Raises BadImage."""
    if (file.size or 0) > MAX_BYTES:  # before it is read
        raise BadImage(f"{file.name} has {(file.size or 0) / 1024**2:.1f} MB; 10 MB are the most. Save it smaller.")
    path = PurePosixPath(str(file.name))
    file.seek(0)
    return store_image((name or slugify(path.stem) or "picture") + path.suffix.lower(), file.read())


def safe_stem(name: str) -> str:
    """A name without its suffix, of characters that stand in Markdown, in addresses and on disks alike.

    Short enough for the database: with folder, hash and suffix a file's name may have 100 characters.
    """
    plain = unicodedata.normalize("NFKD", PurePosixPath(name).stem).encode("ascii", "ignore").decode()
    return re.sub(r"[^\w-]+", "-", plain)[:60].strip("-") or "figure"


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
        if max(picture.size) > MAX_SIDE:
            raise BadImage(
                f"{name} has {picture.width} × {picture.height} pixels; no side may have over {MAX_SIDE:,}. Scale it down."
            )
        picture.load()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, PillowImage.DecompressionBombError) as error:
        if isinstance(error, BadImage):
            raise
        raise BadImage(f"{name} can't be read as a PNG or JPEG picture. Save it as one of these.") from error
    upright = in_eight_bits(turned(picture))
    upright.format = "PNG" if picture.format == "PNG" else "JPEG"  # or MPO: cameras put a second picture behind a JPEG
    return upright


def turned(picture: PillowImage.Image) -> PillowImage.Image:
    """The picture as its camera was held. Pillow's `exif_transpose` would also rewrite its EXIF, and fail if that is odd."""
    way = WAYS_TO_TURN.get(picture.getexif().get(ExifTags.Base.Orientation, 1))
    return picture.copy() if way is None else picture.transpose(way)


def in_eight_bits(picture: PillowImage.Image) -> PillowImage.Image:
    """Sixteen bits of grey as eight: Pillow would cut off what is brighter than 255, and give a white picture."""
    if not picture.mode.startswith("I"):
        return picture
    return picture.convert("I").point(lambda value: value / 256).convert("L")


def encode(picture: PillowImage.Image, format: str) -> bytes:
    """Return the picture's file without metadata."""
    buffer = io.BytesIO()
    bare = picture.copy()
    bare.info = {key: value for key, value in picture.info.items() if key == "transparency"}
    if format == "JPEG":
        bare.convert("RGB").save(buffer, "JPEG", quality=88, optimize=True, progressive=True)
    else:
        bare.save(buffer, "PNG", optimize=picture.width * picture.height <= OPTIMISED_PIXELS)
    return buffer.getvalue()


def encode_as_webp(picture: PillowImage.Image, *, try_lossless: bool) -> bytes:
    """Return the smaller of the lossy and, for drawings, the lossless file; without metadata."""
    full = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    full.info = {}
    files = []
    # Lossless, `quality` is effort: more of it takes twice the time for a few per cent.
    ways = [{"quality": 82, "method": 4}, {"lossless": True, "quality": 50, "method": 1}]
    for options in ways[: 1 + try_lossless]:
        buffer = io.BytesIO()
        full.save(buffer, "WEBP", **options)
        files.append(buffer.getvalue())
    return min(files, key=len)


def is_bare_jpeg(data: bytes) -> bool:
    """Whether `encode` has written this JPEG: the same tables, no metadata, nothing after its end.

    It stays as it is then, as when a digest was exported and is imported: each encoding would lose some quality.
    """
    if not data.startswith(b"\xff\xd8") or data.find(b"\xff\xd9") != len(data) - 2:
        return False
    ours = PillowImage.open(io.BytesIO(encode(PillowImage.new("RGB", (8, 8)), "JPEG")))
    picture = PillowImage.open(io.BytesIO(data), formats=["JPEG", "MPO"])
    return all(
        getattr(picture, part, None) == getattr(ours, part) for part in ("format", "applist", "quantization", "layer")
    )


def save_renditions(picture: PillowImage.Image, folder: str, name: str) -> None:
    for width in rendition_widths(picture.width):
        webp = encode_as_webp(scaled(picture, width), try_lossless=picture.format == "PNG")
        save(rendition_name(f"{folder}/{name}", width, ".webp"), webp)
    if picture.width > KEPT_WIDTH:
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
    height = max(1, round(picture.height * width / picture.width))
    return full.resize((width, height), PillowImage.Resampling.LANCZOS)


def save(name: str, data: bytes) -> str:
    """Write a file once: its folder is named by its content, so what is there already is the same."""
    return name if default_storage.exists(name) else default_storage.save(name, ContentFile(data))
