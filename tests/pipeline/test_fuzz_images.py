"""Thousands of damaged image files: each is refused in one line, or read as something valid, without a hang."""

import io
import random
import struct
import warnings
import zlib
from functools import cache
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gan_pipeline.transforms.decode import decode_image_file
from tests.support.fuzzing import ROUNDS, mutated, refused

pytestmark = pytest.mark.usefixtures("bounds")


def _picture() -> Image.Image:
    y, x = np.mgrid[0:24, 0:40]
    return Image.fromarray(np.stack([y * 10, x * 6, (x + y) * 4], -1).astype(np.uint8))


@cache
def image_files() -> dict[str, list[bytes]]:
    """Small files of every kind by format."""
    rgb = _picture()
    rgba = rgb.copy()
    rgba.putalpha(rgb.convert("L"))
    exif = Image.Exif()
    exif[0x0112], exif[0x011A] = 6, 72.0

    def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
        file = io.BytesIO()
        image.save(file, kind, **options)
        return file.getvalue()

    frames = {"save_all": True, "append_images": [rgb.rotate(90)]}
    palette = rgb.quantize(16)
    runs = b"".join(bytes([40, row % 16]) + b"\0\0" for row in range(24)) + b"\0\1"
    header = struct.pack("<IIIIiiHHIIIIII", 54 + 64 + len(runs), 0, 54 + 64, 40, 40, 24, 1, 8, 1, len(runs), 0, 0, 16, 0)
    colours = b"".join(bytes([shade, shade // 2, 255 - shade, 0]) for shade in range(0, 256, 16))
    return {
        "JPEG": [
            saved(rgb, "JPEG"),
            saved(rgb, "JPEG", progressive=True, exif=exif, comment=b"a comment"),
            saved(rgb.convert("L"), "JPEG", exif=exif.tobytes(), icc_profile=b"profile" * 9),
            saved(rgb.convert("CMYK"), "JPEG"),
            saved(rgb, "MPO", **frames),
        ],
        "PNG": [
            saved(rgb, "PNG", exif=exif),
            saved(rgba, "PNG"),
            saved(palette, "PNG", transparency=b"\xff\x80\0" + bytes(5)),
            saved(rgb.convert("1"), "PNG", transparency=1),
            saved(rgb.convert("L").convert("I;16"), "PNG", icc_profile=b"profile" * 9),
            saved(rgb, "PNG", **frames),
        ],
        "WEBP": [
            saved(rgb, "WEBP", exif=exif),
            saved(rgba, "WEBP"),
            saved(rgb, "WEBP", lossless=True),
            saved(rgb, "WEBP", **frames),
        ],
        "BMP": [
            saved(rgb, "BMP"),
            saved(palette, "BMP"),
            saved(rgb.convert("1"), "BMP"),
            saved(rgba, "BMP"),
            b"BM" + header + colours + runs,
        ],
    }


def mutated_png(content: bytes, chance: random.Random) -> bytes:
    """Damage to what is in a chunk, or to the rows before they were packed, with the checksum made good."""
    chunks, at = [], 8
    while at < len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        chunks.append([kind, content[at + 8 : at + 8 + length]])
        at += 12 + length
    chosen = chance.choice(chunks)
    if chosen[0] == b"IDAT":
        chosen[1] = zlib.compress(mutated(zlib.decompress(chosen[1]), chance), 1)
    else:
        chosen[1] = mutated(chosen[1], chance)
    if chance.randrange(4) == 0:
        chunks.insert(chance.randrange(len(chunks)), chance.choice(chunks))
    body = (struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks)
    return content[:8] + b"".join(body)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "PNG inside", "WEBP", "BMP"])
def test_image_files(kind: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    # What is small enough to be decoded then says nothing about the memory of what is refused.
    monkeypatch.setattr("gan_pipeline.transforms.opening.MAX_PIXELS", 1_000_000)
    contents, chance, outcomes = image_files()[kind.split()[0]], random.Random(kind), []
    mutate = mutated_png if kind == "PNG inside" else mutated
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for _ in range(2 * ROUNDS):
            broken = mutate(chance.choice(contents), chance)
            image = refused(lambda broken=broken: decode_image_file(broken))  # type: ignore[misc]
            if image is not None:
                assert (image.ndim, image.shape[2], image.dtype) == (3, 3, np.uint8)
                assert image.size > 0
            outcomes.append(image is None)
    assert 0 < sum(outcomes) < len(outcomes)
    assert not warned
    assert capfd.readouterr() == ("", "")


def test_noise_as_image_file() -> None:
    chance = random.Random(0)
    starts = [
        b"",
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        b"RIFF\xff\0\0\0WEBPVP8 ",
        b"RIFF\xff\0\0\0WEBPVP8L",
        b"BM",
        b"GIF89a",
    ]
    for _ in range(ROUNDS):
        noise = chance.choice(starts) + chance.randbytes(chance.randrange(400))
        assert refused(lambda noise=noise: decode_image_file(noise)) is None  # type: ignore[misc]
