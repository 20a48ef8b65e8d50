"""Image files: every kind that people have, and every way they can be broken."""

import io
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from gan_core.errors import UnusableInputError
from gan_pipeline.transforms.decode import IMAGE_SUFFIXES, MAX_PIXELS, decode_image_file

pytestmark = pytest.mark.quick

pytestmark = pytest.mark.filterwarnings("error")


def picture(height: int = 24, width: int = 40) -> NDArray[np.uint8]:
    """A smooth colour gradient, no two rows, columns or channels alike: uint8 (height, width, 3)."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([y * 255 // height, x * 255 // width, (x + y) * 255 // (height + width)], -1).astype(np.uint8)


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The file Pillow writes."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    """One PNG chunk."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, depth: int, colour: int, pixels: bytes, *others: bytes) -> bytes:
    """A PNG of one unfiltered row, whatever its header says, with other chunks between header and pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    row = chunk(b"IDAT", zlib.compress(b"\0" + pixels))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(others) + row + chunk(b"IEND", b"")


PICTURE = picture()
RGB = Image.fromarray(PICTURE)
FILES = {
    "jpeg": saved(RGB, "JPEG", quality=90),
    "progressive": saved(RGB, "JPEG", progressive=True),
    "png": saved(RGB, "PNG"),
    "webp": saved(RGB, "WEBP"),
    "lossless webp": saved(RGB, "WEBP", lossless=True),
    "bmp": saved(RGB, "BMP"),
    "gif": saved(RGB.quantize(200), "GIF"),
    "tiff": saved(RGB, "TIFF"),
    "packed tiff": saved(RGB, "TIFF", compression="tiff_lzw"),
    "avif": saved(RGB, "AVIF", quality=90),
    "ppm": saved(RGB, "PPM"),
}


def refusal(content: bytes) -> UnusableInputError:
    """The error this file gives."""
    with pytest.raises(UnusableInputError) as caught:
        decode_image_file(content)
    assert caught.value.stage == "decode"
    assert len(str(caught.value).splitlines()) == 1
    return caught.value


@pytest.mark.parametrize("name", FILES)
def test_every_format(name: str) -> None:
    image = decode_image_file(FILES[name])
    assert image.shape == (24, 40, 3)
    assert image.dtype == np.uint8
    tolerance = 0 if name in ("png", "lossless webp", "bmp", "tiff", "packed tiff", "ppm") else 24
    assert np.abs(image.astype(int) - PICTURE).max() <= tolerance


def test_the_suffixes_are_those_of_the_formats() -> None:
    Image.init()
    formats = {"JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "PPM"}
    assert {Image.EXTENSION[suffix] for suffix in IMAGE_SUFFIXES} == formats


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_orientation(kind: str, orientation: int, order: str) -> None:
    exif = Image.Exif()
    exif.endian = order
    exif[0x010F] = "a maker's name"
    exif[0x0112] = orientation
    content = saved(RGB, kind, exif=exif.tobytes(), lossless=True)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB")
    image = decode_image_file(content)
    np.testing.assert_array_equal(image, np.asarray(expected))
    assert image.shape[:2] == ((24, 40) if orientation < 5 else (40, 24))


@pytest.mark.parametrize(
    "exif",
    [b"Exif\0\0", b"Exif\0\0II*\0", b"Exif\0\0MM\0*\xff\xff\xff\xff", b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12", b"junk" * 9],
)
def test_broken_exif_costs_no_image_and_prints_nothing(exif: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    for kind in ("JPEG", "PNG", "WEBP"):
        np.testing.assert_array_equal(decode_image_file(saved(RGB, kind, exif=exif)), decode_image_file(saved(RGB, kind)))
    assert capfd.readouterr() == ("", "")


def test_exif_that_pillow_itself_warns_about() -> None:
    entry = struct.pack("<HHII", 0x011A, 5, 1, 0xFFFF)
    content = saved(RGB, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 9) + entry)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        Image.open(io.BytesIO(content)).getexif()
    assert seen, "this file proves nothing any more"
    assert decode_image_file(content).shape == (24, 40, 3)


def test_modes_of_png() -> None:
    grey = RGB.convert("L")
    for image, expected in (
        (grey, grey),
        (RGB.convert("1"), RGB.convert("1")),
        (RGB.quantize(200), RGB.quantize(200)),
        (RGB.quantize(2), RGB.quantize(2)),
    ):
        np.testing.assert_array_equal(decode_image_file(saved(image, "PNG")), np.asarray(expected.convert("RGB")))


def test_modes_of_bmp() -> None:
    for image in (RGB.convert("L"), RGB.convert("1"), RGB.quantize(200)):
        np.testing.assert_array_equal(decode_image_file(saved(image, "BMP")), np.asarray(image.convert("RGB")))


def test_grey_jpeg() -> None:
    image = decode_image_file(saved(RGB.convert("L"), "JPEG", quality=95))
    np.testing.assert_array_equal(image[..., 0], image[..., 2])
    assert np.abs(image[..., 0].astype(int) - np.asarray(RGB.convert("L"))).max() <= 8


def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    values = np.array([[0, 255, 256, 257, 0x7FFF, 0x80FF, 0xFF00, 0xFFFF]], ">u2")
    grey = decode_image_file(png(8, 1, 16, 0, values.tobytes()))
    np.testing.assert_array_equal(grey, np.repeat(values.astype(int)[..., np.newaxis] >> 8, 3, -1))
    rgb = decode_image_file(png(8, 1, 16, 2, np.repeat(values, 3).tobytes()))
    np.testing.assert_array_equal(rgb, grey)


def test_an_8_bit_image_stored_with_16_bits_is_the_same() -> None:
    row = PICTURE[7:8]
    np.testing.assert_array_equal(decode_image_file(png(40, 1, 16, 2, (row.astype(">u2") * 257).tobytes())), row)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_alpha_is_composited_on_white(kind: str) -> None:
    alpha = np.linspace(0, 255, 24 * 40).astype(np.uint8).reshape(24, 40, 1)
    image = decode_image_file(saved(Image.fromarray(np.concatenate([PICTURE, alpha], -1)), kind, lossless=True, exact=True))
    expected = (PICTURE * (alpha / 255) + 255 * (1 - alpha / 255)).round()
    assert np.abs(image - expected).max() <= 1
    assert (image[0, 0] == 255).all()


def test_grey_and_alpha() -> None:
    image = decode_image_file(png(3, 1, 8, 4, bytes([10, 255, 10, 0, 10, 128])))
    np.testing.assert_array_equal(image[0, :, 0], [10, 255, 132])
    deep = decode_image_file(png(2, 1, 16, 4, struct.pack(">4H", 10 << 8, 0xFFFF, 10 << 8, 0)))
    np.testing.assert_array_equal(deep[0, :, 0], [10, 255])


@pytest.mark.parametrize(
    ("depth", "pixels", "transparent", "expected"),
    [
        (1, [0b01000000], 1, [0, 255]),
        (1, [0b01000000], 0, [255, 255]),
        (2, [0b00011011], 1, [0, 255, 170, 255]),
        (4, [0x01, 0x2F], 2, [0, 17, 255, 255]),
        (8, [0, 1, 2, 3], 2, [0, 1, 255, 3]),
        (16, [0, 1, 1, 0, 1, 1], 257, [0, 1, 255]),
    ],
)
def test_one_transparent_grey(depth: int, pixels: list[int], transparent: int, expected: list[int]) -> None:
    content = png(len(expected), 1, depth, 0, bytes(pixels), chunk(b"tRNS", struct.pack(">H", transparent)))
    np.testing.assert_array_equal(decode_image_file(content)[0, :, 0], expected)


def test_one_transparent_colour() -> None:
    key = chunk(b"tRNS", struct.pack(">3H", 4, 5, 6))
    np.testing.assert_array_equal(decode_image_file(png(2, 1, 8, 2, bytes(range(1, 7)), key))[0], [[1, 2, 3], [255, 255, 255]])
    # By 8 bits the near colour would be transparent too.
    deep = struct.pack(">6H", 4, 5, 6, 4 + 256, 5, 7)
    np.testing.assert_array_equal(decode_image_file(png(2, 1, 16, 2, deep, key))[0], [[0, 0, 0], [1, 0, 0]])


@pytest.mark.parametrize("alpha", [bytes([255, 0]), bytes([255, 0, 128])])
def test_palette_with_transparency(alpha: bytes) -> None:
    content = png(4, 1, 8, 3, bytes([0, 1, 2, 3]), chunk(b"PLTE", bytes(range(12))), chunk(b"tRNS", alpha))
    third = [6, 7, 8] if len(alpha) == 2 else [130, 131, 131]
    np.testing.assert_array_equal(decode_image_file(content)[0], [[0, 1, 2], [255, 255, 255], third, [9, 10, 11]])


def test_cmyk_of_adobe() -> None:
    """Adobe stores CMYK inverted, and Pillow writes it so too."""
    image = decode_image_file(saved(RGB.convert("CMYK"), "JPEG", quality=95))
    assert np.abs(image.astype(int) - PICTURE).max() <= 16


def test_ycck() -> None:
    """Adobe's transform 2: the first three channels are YCbCr of CMY."""
    ycc = np.asarray(ImageOps.invert(RGB).convert("YCbCr"))
    inverted_black = np.full((24, 40, 1), 255, np.uint8)
    # Pillow inverts when it writes CMYK, so give it the inverse of what is to be in the file.
    cmyk = Image.fromarray(255 - np.concatenate([ycc, inverted_black], -1), "CMYK")
    content = saved(cmyk, "JPEG", quality=95)
    adobe = content.index(b"Adobe")
    assert content[adobe + 11] == 0
    image = decode_image_file(content[: adobe + 11] + b"\x02" + content[adobe + 12 :])
    assert np.abs(image.astype(int) - PICTURE).max() <= 20


def test_a_colour_profile_is_ignored() -> None:
    for kind in ("JPEG", "PNG", "WEBP"):
        plain, profiled = (decode_image_file(saved(RGB, kind, **more)) for more in ({}, {"icc_profile": b"no profile" * 20}))
        np.testing.assert_array_equal(plain, profiled)


def test_of_a_multi_picture_jpeg_the_main_one_is_read() -> None:
    content = saved(RGB, "MPO", save_all=True, append_images=[Image.new("RGB", (8, 8))])
    assert getattr(Image.open(io.BytesIO(content)), "n_frames", 1) == 2
    np.testing.assert_array_equal(decode_image_file(content), decode_image_file(saved(RGB, "JPEG")))


@pytest.mark.parametrize(("kind", "tolerance"), [("PNG", 0), ("WEBP", 0), ("GIF", 24), ("TIFF", 0), ("AVIF", 24)])
def test_of_several_frames_the_first_is_read(kind: str, tolerance: int) -> None:
    others = [ImageOps.mirror(RGB), ImageOps.flip(RGB)]
    content = saved(RGB, kind, save_all=True, append_images=others, **({"lossless": True} if kind == "WEBP" else {}))
    assert getattr(Image.open(io.BytesIO(content)), "n_frames", 1) == 3
    assert np.abs(decode_image_file(content).astype(int) - PICTURE).max() <= tolerance


def test_an_animated_png_of_one_frame_is_an_image() -> None:
    frame = chunk(b"fcTL", struct.pack(">5I2H2B", 0, 2, 1, 0, 0, 1, 10, 0, 0))
    content = png(2, 1, 8, 0, bytes([7, 8]), chunk(b"acTL", struct.pack(">2I", 1, 0)), frame)
    np.testing.assert_array_equal(decode_image_file(content)[0, :, 0], [7, 8])


def test_empty_file() -> None:
    assert str(refusal(b"")) == "empty file"


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"\0\0\1\0\1\0", "ICO is not read"),
        (saved(RGB, "TGA"), "it starts with 0000020000000000"),
        (b"P5 is no image", "it starts with 5035206973206e6f"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC, or a film, is not read; convert it to JPEG or PNG"),
        (b"<!DOCTYPE html><p>not found</p>", "HTML, XML or SVG is not read"),
        (b"RIFF\0\0\0\0WAVE", "it starts with 5249464600000000"),
        (b"\x89PNG\n", "it starts with 89504e470a"),
        (b"\n", "it starts with 0a"),
    ],
)
def test_not_an_image(content: bytes, detail: str) -> None:
    error = refusal(content)
    assert (error.reason, error.detail) == ("not an image", detail)


@pytest.mark.parametrize("name", FILES)
def test_cut_off_anywhere(name: str) -> None:
    content = FILES[name]
    for length in [*range(12, len(content) - 2, 7), len(content) - 3]:
        assert refusal(content[:length]).reason == "corrupt or cut off"


def test_any_changed_bit_of_a_png_is_seen() -> None:
    content = FILES["png"]
    for at in range(8, len(content)):
        broken = bytearray(content)
        broken[at] ^= 0x10
        assert refusal(bytes(broken)).reason == "corrupt or cut off"


def test_too_large_is_told_by_the_header() -> None:
    side = 11_000
    assert side * side > MAX_PIXELS
    bmp = b"BM" + struct.pack("<IIIIiiHHIIIIII", 0, 0, 54, 40, side, side, 1, 24, 0, 0, 0, 0, 0, 0)
    jpeg = bytearray(FILES["jpeg"])
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", side, side)
    bits = b"\x2f" + struct.pack("<I", side - 1 | (side - 1) << 14) + bytes(25)
    webp = b"RIFF" + struct.pack("<I", 42) + b"WEBPVP8L" + struct.pack("<I", 30) + bits
    for content in (png(side, side, 8, 0, b"\0"), bmp, bytes(jpeg), webp):
        error = refusal(content)
        assert (error.reason, error.detail) == ("too large", "11000x11000 pixels, at most 100,000,000 are read")


def test_far_too_large_neither_raises_nor_warns_otherwise() -> None:
    assert refusal(png(0x7FFFFFFF, 0x7FFFFFFF, 8, 0, b"\0")).reason == "too large"
    assert refusal(png(9_500, 10_000, 8, 0, b"\0")).reason == "corrupt or cut off"


def test_too_large_is_told_before_an_animation_gets_its_first_frame() -> None:
    """Pillow would fill 8 GB with the background as soon as it opens the file."""
    side = 45_000
    frame = chunk(b"fcTL", struct.pack(">5I2H2B", 0, side, side, 0, 0, 1, 10, 1, 0))
    content = png(side, side, 8, 2, b"\0", chunk(b"acTL", struct.pack(">2I", 1, 0)), frame)
    assert refusal(content).reason == "too large"


@pytest.mark.parametrize("size", [(0, 5), (5, 0)])
def test_no_pixels(size: tuple[int, int]) -> None:
    assert refusal(png(*size, 8, 0, b"\0")).reason == "corrupt or cut off"


def test_many_threads() -> None:
    contents = list(FILES.values()) * 20
    with ThreadPoolExecutor(8) as pool:
        for content, image in zip(contents, pool.map(decode_image_file, contents), strict=True):
            np.testing.assert_array_equal(image, decode_image_file(content))
