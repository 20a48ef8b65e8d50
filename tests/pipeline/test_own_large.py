"""People's own image files through `prepare`: images that are large or long, and many at once."""

import io
import json
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.datasets import failures, run_cli, tree, write_files
from tests.support.image_files import centre, encoded, noise, photograph
from tests.support.odd_images import chunk
from tests.support.plain_records import Plain, prepared

PIXELS = noise(1, 16, 24)
RGB = Image.fromarray(PIXELS)


@pytest.mark.parametrize("rule", ["crop", "fit", "stretch"])
def test_an_image_too_long_to_scale_costs_only_itself(tmp_path: Path, rule: str) -> None:
    row = zlib.compress(bytes(1 + 99_999_999), 1)
    header = struct.pack(">IIBBBBB", 99_999_999, 1, 8, 0, 0, 0, 0)
    long = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", row) + chunk(b"IEND", b"")
    files = {f"{number}.png": encoded(noise(number)) for number in range(5)} | {"long.png": long}
    source = write_files(tmp_path / "in", files)
    ran = run_cli(
        "prepare", "images", "--source", source, "-o", tmp_path / "out", "--resize", rule, "--max-failure-rate", "0.5", "--json"
    )
    assert ran.code == 0, ran.err
    counts = json.loads(ran.out)["counts"]
    if rule == "crop":
        assert counts == {"read": 6, "kept": 6, "dropped": {}}
    else:
        assert counts == {"read": 6, "kept": 5, "dropped": {"too long and narrow": 1}}
        (line,) = failures(tmp_path / "out")
        assert (line["stage"], line["id"]) == ("resize", "long.png")


def test_threads_and_processes_change_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {f"{number:02d}.jpg": photograph(number, 60 + number, 80) for number in range(30)} | {"cut.jpg": photograph(1)[:99]}
    source = write_files(tmp_path / "in", files)
    for threads in ("1", "2", "7"):
        monkeypatch.setenv("GANMILL_DECODING_THREADS", threads)
        prepared(tmp_path / threads, "images", source, "--max-failure-rate", "0.5")
    assert tree(tmp_path / "1") == tree(tmp_path / "2") == tree(tmp_path / "7")


def test_scaled_jpeg_decodes_at_a_reduced_size(tmp_path: Path) -> None:
    big = np.asarray(Image.fromarray(noise(3, 40, 50)).resize((1000, 800), Image.Resampling.BICUBIC))
    files = {"a.jpg": encoded(big, "JPEG", quality=92), "b.png": encoded(big)}
    source = write_files(tmp_path / "in", files)
    exact = prepared(tmp_path / "exact", "images", source, "--image-size", "64")
    scaled = prepared(tmp_path / "scaled", "images", source, "--image-size", "64", "--scaled-jpeg")
    assert scaled.manifest["options"]["scaled_jpeg"] is True
    np.testing.assert_array_equal(scaled.images()["b.png"], exact.images()["b.png"])
    full = np.asarray(Image.open(io.BytesIO(files["a.jpg"])).convert("RGB"))
    np.testing.assert_array_equal(exact.images()["a.jpg"], centre(full, 64, 64, Image.Resampling.LANCZOS))
    draft = Image.open(io.BytesIO(files["a.jpg"]))
    draft.draft("RGB", (128, 128))
    assert draft.size == (250, 200)
    expected = centre(np.asarray(draft.convert("RGB")), 64, 64, Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(scaled.images()["a.jpg"], expected)
    assert 0 < np.abs(scaled.images()["a.jpg"].astype(int) - exact.images()["a.jpg"]).mean() < 2


@pytest.mark.parametrize("threads", ["2", "16"])
def test_many_large_images_on_a_bucket_stay_within_a_budget_of_memory(bucket: str, tmp_path: Path, threads: str) -> None:
    """Twelve images of 36 megapixels take 144 MB each when they are decoded: 1.7 GB together."""
    from gan_core.storage import open_folder

    side = 6000
    rows = zlib.compress(b"".join(bytes([0]) + bytes([row % 251]) * (3 * side) for row in range(side)), 1)
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    large = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    folder = open_folder(f"{bucket}/large-{threads}")
    for number in range(12):
        folder.write(f"{number}.png", large)
    # The peak of ru_maxrss would be that of this process where it is larger; VmHWM is the child's own.
    measure = (
        "import pathlib, sys\nfrom gan_pipeline.cli.commands import main\n"
        "sys.argv = ['gan-pipeline', *sys.argv[1:]]\n"
        "try:\n    main()\nfinally:\n    print(pathlib.Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])\n"
    )
    command = [sys.executable, "-c", measure, "prepare", "images", "--source", folder.uri, "-o", str(tmp_path / "out")]
    env = {**os.environ, "GANMILL_DECODING_THREADS": threads}
    ran = subprocess.run([*command, "--shards", "1", "--resampler", "box"], capture_output=True, text=True, env=env)
    assert ran.returncode == 0, ran.stderr
    plain = Plain(tmp_path / "out")
    assert len(plain.images()) == 12
    expected = np.asarray(Image.open(io.BytesIO(large)).resize((64, 64), Image.Resampling.BOX))
    np.testing.assert_array_equal(plain.images()["7.png"], expected)
    megabytes = int(ran.stdout.split()[-1]) / 1024
    assert megabytes < 1000, megabytes
