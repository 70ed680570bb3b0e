"""Pictures: what is taken in, what is refused and why, and which files come of it."""

import io
import struct
import zlib

import pytest
from django.core.files.storage import default_storage
from PIL import Image as PillowImage
from PIL import ImageOps

from issues.errors import BadImage
from issues.image_storing import store_image
from issues.images import delete_files, files_of
from issues.models import Image, SiteVersion
from issues.rendering import render_for_web

pytestmark = pytest.mark.django_db
WHITE_TO_BLACK = PillowImage.linear_gradient("L")


def picture(mode="RGB", size=(300, 200)):
    grey = WHITE_TO_BLACK.resize(size)
    if mode == "P":
        return PillowImage.merge("RGB", [grey, grey, grey.rotate(180)]).quantize(32)
    if mode in {"RGBA", "LA"}:
        coloured = grey.convert(mode)
        coloured.putalpha(grey)
        return coloured
    return grey.convert(mode)


def encoded(image, format="PNG", **options):
    data = io.BytesIO()
    image.save(data, format, **options)
    return data.getvalue()


def png_of(width, height):
    """A valid PNG of one bit a pixel: small whatever its size."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = zlib.compress(b"\0" * ((width + 7) // 8 + 1) * min(height, 50_000))
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def opened(name):
    with default_storage.open(name) as file:
        image = PillowImage.open(file)
        image.load()
        return image


def all_files():
    folders = [f"figures/{name}" for name in default_storage.listdir("figures")[0]]
    return sorted(f"{folder}/{name}" for folder in folders for name in default_storage.listdir(folder)[1])


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "RGBA", "LA", "I;16"])
def test_a_png_of_any_kind_keeps_its_look_in_all_its_sizes(mode):
    source = picture(mode, (1600, 400)) if mode != "I;16" else sixteen_bits((1600, 400))
    image = store_image("a.png", encoded(source))
    assert image.name == "a.png"
    assert len(files_of(image)) == 5
    for name in files_of(image):
        shown = opened(name).convert("RGBA")
        top, bottom = (
            shown.crop((0, y, shown.width, y + 1)).convert("L").resize((1, 1)).getpixel((0, 0))
            for y in (0, shown.height - 1)
        )
        assert top < 70, name
        assert bottom > 185 or mode == "P", name
        assert shown.getpixel((0, 0))[3] == (0 if mode in {"RGBA", "LA"} else 255) or mode == "P"


def sixteen_bits(size):
    width, height = size
    rows = [struct.pack("<H", y * 65535 // (height - 1)) * width for y in range(height)]
    return PillowImage.frombytes("I;16", size, b"".join(rows))


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_of_any_kind_becomes_one_that_browsers_show(mode):
    source = picture("L").convert("RGB").convert(mode)
    image = store_image("photo.jpeg", encoded(source, "JPEG"))
    assert image.name == "photo.jpg"
    assert opened(image.file.name).mode == "RGB"


def test_a_phone_s_jpeg_with_a_second_picture_behind_it_is_taken():
    image = store_image("phone.jpg", encoded(picture(), "MPO", save_all=True, append_images=[picture()]))
    assert opened(image.file.name).format == "JPEG"


def test_a_picture_stands_upright_and_keeps_neither_place_nor_words_nor_what_hides_behind_it():
    exif = PillowImage.Exif()
    exif[0x0112], exif[0x010E], exif[0x8825] = 6, "a secret", {1: "N", 2: (52.0, 1.0, 2.0)}
    image = store_image(
        "a.jpg", encoded(picture(), "JPEG", exif=exif, comment=b"a secret") + b"<script>alert(1)</script>"
    )
    assert (image.width, image.height) == (200, 300)
    for name in files_of(image):
        with default_storage.open(name) as file:
            data = file.read()
        assert not any(words in data for words in (b"secret", b"Exif", b"<script"))
        assert not opened(name).getexif()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_stored_as_its_camera_was_held(orientation):
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    corners = picture()
    corners.paste("red", (0, 0, 80, 80))
    corners.paste("blue", (220, 0, 300, 80))
    held = encoded(corners, "JPEG", exif=exif)
    expected = ImageOps.exif_transpose(PillowImage.open(io.BytesIO(held)))
    stored = opened(store_image("a.jpg", held).file.name)
    assert stored.size == expected.size
    for place in [(40, 40), (stored.width - 40, 40), (40, stored.height - 40)]:
        assert stored.getpixel(place) == pytest.approx(expected.getpixel(place), abs=12)


def test_metadata_that_make_no_sense_keep_no_picture_out():
    exif = PillowImage.Exif()
    exif[0x0112], exif[0x011A] = 6, 72.0
    odd = encoded(picture(), "JPEG", exif=exif).replace(b"\x01\x1a\x00\x05", b"\x01\x00\x00\x05")  # a width of 72/1
    assert store_image("a.jpg", odd).width == picture().height


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "PNG or JPEG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "PNG or JPEG"),
        (b"<!DOCTYPE html><script>alert(1)</script>", "PNG or JPEG"),
        (b"\x89PNG\r\n\x1a\n" + b"a" * 100, "PNG or JPEG"),
        (encoded(picture("P"), "GIF"), "PNG or JPEG"),
        (encoded(picture(), "WEBP"), "PNG or JPEG"),
        (encoded(picture())[:200], "PNG or JPEG"),
        (encoded(picture(), "JPEG")[:1000], "PNG or JPEG"),
        ((50_000, 50_000), "PNG or JPEG|pixels"),
        ((8_000, 6_000), "8000 × 6000 pixels; 40 million"),
        ((100_000, 2), "no side may have over 12,000"),
        ((2, 20_000), "no side may have over 12,000"),
        (b"\x89PNG" + b"\0" * 10_500_000, "10.0 MB; 10 MB are the most"),
    ],
)  # fmt: skip
def test_what_is_no_sound_picture_is_refused_with_its_name_and_a_reason(data, reason):
    """Two numbers are the size of a PNG. It is made here, since it takes long and hundreds of megabytes."""
    if isinstance(data, tuple):
        data = png_of(*data)
    with pytest.raises(BadImage, match=reason) as refused:
        store_image("holiday.png", data)
    assert str(refused.value).startswith("holiday.png ")
    assert not Image.objects.exists()


def test_the_flattest_picture_that_is_taken_has_all_its_files():
    image = store_image("line.png", png_of(12_000, 1))
    assert all(default_storage.exists(name) for name in files_of(image))


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("arc-puzzle_2.png", "arc-puzzle_2.png"),
        ("ARC.PNG", "ARC.png"),
        ("a photo (1).png", "a-photo-1.png"),
        ("../../etc/passwd.png", "passwd.png"),
        ("a\\b.png", "a-b.png"),
        ("é à.png", "e-a.png"),
        ("図.png", "figure.png"),
        ("..", "figure.png"),
        ("", "figure.png"),
        ("x.html", "x.png"),
        ("x.php.png", "x-php.png"),
        ("a\x00\n\"<b>`.png", "a-b.png"),
        ("%2e%2e%2fa.png", "2e-2e-2fa.png"),
        ("-" * 300, "figure.png"),
        ("a" * 300 + ".png", "a" * 60 + ".png"),
    ],
)  # fmt: skip
def test_any_name_becomes_one_that_a_text_can_show(name, stored):
    image = store_image(name, encoded(picture()))
    assert image.name == stored
    assert '<img alt="What is seen"' in render_for_web(f"![What is seen](figures/{stored})").html


def test_a_second_picture_of_the_same_name_gets_another_and_never_a_foreign_suffix():
    store_image("x.png", encoded(picture()))
    second = store_image("x.html", encoded(picture(size=(301, 200))))
    longest = store_image("a" * 99 + ".jpeg", encoded(picture(size=(303, 200)), "JPEG"))
    assert len(store_image("a" * 99 + ".jpeg", encoded(picture(size=(304, 200)), "JPEG")).file.name) <= 100
    assert longest.name == "a" * 60 + ".jpg"
    third = store_image("x", encoded(picture(size=(302, 200))))
    assert second.name.startswith("x-")
    assert {name.rpartition(".")[2] for name in all_files()} == {"png", "jpg", "webp"}
    assert len({"x.png", second.name, third.name}) == 3


def test_the_same_picture_again_is_the_same_row_and_no_new_file_under_whatever_name():
    data = encoded(picture())
    image = store_image("a.png", data)
    files = all_files()
    assert store_image("a.png", data) == image
    assert store_image("b.png", data) == image
    with default_storage.open(image.file.name) as file:
        assert store_image("exported.png", file.read()) == image
    assert all_files() == files
    assert Image.objects.count() == 1


def test_every_size_is_on_the_storage_and_none_is_wider_than_the_picture():
    for width in (300, 480, 1000, 1440, 2000):
        image = store_image(f"w{width}.png", encoded(picture(size=(width, 40))))
        sizes = [opened(name).width for name in files_of(image)]
        assert max(sizes) == width
        assert len(sizes) == len(set(files_of(image)))


def test_a_drawing_s_full_size_is_no_larger_as_webp_than_as_png():
    drawing = PillowImage.new("P", (1440, 900), 0)
    drawing.putpalette([255, 255, 255, 20, 30, 40, 200, 60, 10])
    for place in range(0, 1400, 70):
        drawing.paste(1 + place // 70 % 2, (place, place // 2, place + 30, place // 2 + 100))
    image = store_image("drawing.png", encoded(drawing))
    sizes = {name.rpartition("-")[2]: default_storage.size(name) for name in files_of(image)}
    assert sizes["1440.webp"] <= default_storage.size(image.file.name)


def test_deleting_a_picture_s_files_leaves_none():
    image = store_image("a.png", encoded(picture(size=(1600, 40))))
    delete_files(image)
    assert all_files() == []


@pytest.mark.django_db(transaction=True)
def test_a_picture_stored_by_itself_makes_another_version_of_the_site(make_image, caplog):
    make_image()
    assert SiteVersion.objects.get().number >= 1
    assert not caplog.records
