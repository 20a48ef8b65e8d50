"""Memory stays flat and time linear as a dataset grows: prepare N generated photographs for a growing N.

    python benchmarks/scale.py --counts 10000,50000,200000

Each photograph is a JPEG of 178x218 pixels in one zip; faces are cut by `--faces center`, so what is measured is the
way of the bytes: zip, decode, crop, resize, record, checksum, shard. Every run is a process of its own; its peak of
resident memory is what the kernel says.
"""

import argparse
import io
import os
import shutil
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

DISTINCT = 500
PREPARE = Path(sys.executable).with_name("gan-pipeline")


def photographs() -> list[bytes]:
    """JPEG files about as hard to decode as a photograph: smooth shapes with some grain."""
    random = np.random.default_rng(0)
    files = []
    for _ in range(DISTINCT):
        coarse = Image.fromarray(random.integers(0, 256, (14, 11, 3), np.uint8)).resize((178, 218), Image.Resampling.BICUBIC)
        grain = random.normal(0, 6, (218, 178, 3))
        pixels = np.clip(np.asarray(coarse) + grain, 0, 255).astype(np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, format="JPEG", quality=90)
        files.append(buffer.getvalue())
    return files


def write_zip(path: Path, count: int, files: list[bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for number in range(count):
            archive.writestr(f"img_align_celeba/{number + 1:06d}.jpg", files[number % len(files)])


def measure(source: Path, out: Path, workers: int) -> tuple[float, float]:
    """Seconds and peak MB of resident memory of the largest process of one `prepare`."""
    arguments = [str(PREPARE), "prepare", "celeba", "--faces", "center", "--source", str(source), "-o", str(out)]
    began = time.perf_counter()
    child = os.posix_spawn(PREPARE, [*arguments, "--workers", str(workers)], os.environ)
    _, status, usage = os.wait4(child, 0)
    if os.waitstatus_to_exitcode(status):
        sys.exit(f"prepare ended with {os.waitstatus_to_exitcode(status)}")
    return time.perf_counter() - began, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--counts", default="10000,50000,200000")
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    files = photographs()
    work = Path(tempfile.mkdtemp(prefix="ganmill-scale-"))
    print(f"{np.mean([len(file) for file in files]) / 1024:.1f} KB a photograph, {given.workers} worker(s)")
    print(f"{'photographs':>12} {'seconds':>8} {'images/s':>9} {'peak MB':>8} {'shards':>7} {'MB a shard':>11}")
    for count in map(int, given.counts.split(",")):
        source, out = work / "photographs.zip", work / "out"
        write_zip(source, count, files)
        seconds, peak = measure(source, out, given.workers)
        sizes = [shard.stat().st_size / 2**20 for shard in out.glob("*.tfrecord")]
        speed = f"{count:12,} {seconds:8.1f} {count / seconds:9,.0f}"
        print(f"{speed} {peak:8.0f} {len(sizes):7} {np.mean(sizes):11.1f}", flush=True)
        shutil.rmtree(out)
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
