"""`gan-pipeline prepare images` against what people write themselves, on photographs like CelebA's.

    python benchmarks/images.py [--images FOLDER] [--count 3000] [--rounds 5]

Without --images the photographs are made: JPEGs of quality 90 with 178x218 pixels, as CelebA's are; they become 64x64 by a
centred crop and bicubic scaling. A second table scales 1024x1024 pixels to 256x256. Contenders, each in a process of its own:

    plain loop      Pillow opens, crops and scales each file, and appends its bytes to one file: no order, no checksum
    dataset tool    the work of StyleGAN's dataset_tool, written anew: Pillow, NumPy, PNG files in an uncompressed zip
    tfds            TensorFlow Datasets' ImageFolder, each image decoded and scaled by TensorFlow, into TFRecord files
    ours            the whole command: TFRecord shards, checksums, manifest, preview
    ours, scaled    the same with --scaled-jpeg, only in the second table

What is measured is the time of all processors, user and system, and the peak of resident memory. A contender's start-up is its
time for a single image; the time of an image is what the others add. The pixels of the plain loop and ours are compared.
"""

import argparse
import io
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

BICUBIC = Image.Resampling.BICUBIC


def cropped(path: Path, side: int) -> Image.Image:
    """The centre of a photograph, scaled."""
    image = Image.open(path).convert("RGB")
    short = min(image.size)
    left, top = (image.width - short) / 2, (image.height - short) / 2
    return image.resize((side, side), BICUBIC, box=(left, top, left + short, top + short))


def photographs(folder: Path) -> Iterator[Path]:
    return iter(sorted(folder.iterdir()))


def plain(source: Path, out: Path, side: int) -> None:
    with open(out / "images.bin", "wb") as file:
        for path in photographs(source):
            file.write(cropped(path, side).tobytes())


def dataset_tool(source: Path, out: Path, side: int) -> None:
    with zipfile.ZipFile(out / "images.zip", "w", zipfile.ZIP_STORED) as archive:
        for number, path in enumerate(photographs(source)):
            pixels = np.array(Image.open(path).convert("RGB"))
            height, width, _ = pixels.shape
            short = min(height, width)
            top, left = (height - short) // 2, (width - short) // 2
            square = Image.fromarray(pixels[top : top + short, left : left + short])
            scaled = np.array(square.resize((side, side), Image.Resampling.LANCZOS))
            file = io.BytesIO()
            Image.fromarray(scaled).save(file, format="PNG", compress_level=0, optimize=False)
            archive.writestr(f"{number // 1000:05d}/img{number:08d}.png", file.getvalue())


def image_folder(source: Path, out: Path, side: int) -> None:
    import tensorflow as tf
    import tensorflow_datasets as tfds

    labelled = out / "labelled" / "train" / "all"
    labelled.parent.mkdir(parents=True)
    labelled.symlink_to(source.resolve())
    builder = tfds.ImageFolder(str(out / "labelled"))
    images = builder.as_dataset(split="train", shuffle_files=False, decoders={"image": tfds.decode.SkipDecoding()})

    def square(example: dict[str, tf.Tensor]) -> tf.Tensor:
        pixels = tf.io.decode_jpeg(example["image"], channels=3)
        short = tf.minimum(tf.shape(pixels)[0], tf.shape(pixels)[1])
        middle = tf.image.resize_with_crop_or_pad(pixels, short, short)
        scaled = tf.image.resize(middle, (side, side), tf.image.ResizeMethod.BICUBIC, antialias=True)
        return tf.cast(tf.clip_by_value(tf.round(scaled), 0, 255), tf.uint8)

    with tf.io.TFRecordWriter(str(out / "images.tfrecord")) as writer:
        for pixels in images.map(square, num_parallel_calls=tf.data.AUTOTUNE).as_numpy_iterator():
            feature = {"image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[pixels.tobytes()]))}
            writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())


def ours(source: Path, out: Path, side: int, *options: str) -> None:
    from gan_pipeline.cli.commands import main

    arguments = ["--source", str(source), "--image-size", str(side), "--resampler", "bicubic", "-o", str(out / "dataset")]
    sys.argv = ["gan-pipeline", "prepare", "images", *arguments, *options]
    main()


def ours_scaled(source: Path, out: Path, side: int) -> None:
    ours(source, out, side, "--scaled-jpeg")


CONTENDERS: dict[str, Callable[[Path, Path, int], None]] = {
    "plain loop": plain,
    "dataset tool": dataset_tool,
    "tfds": image_folder,
    "ours": ours,
    "ours, scaled": ours_scaled,
}


@dataclass(frozen=True)
class Cost:
    """Seconds of all processors, seconds on the clock, and peak resident MB."""

    processor: float
    clock: float
    memory: float


def cost(name: str, source: Path, side: int, keep: Path | None = None) -> Cost:
    """The memory and time of a contender in a process of its own."""
    out = Path(tempfile.mkdtemp(prefix="ganmill-benchmark-"))
    words = [sys.executable, __file__, "--contender", name, "--images", str(source), "--side", str(side), "--out", str(out)]
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        before = os.times()
        done = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        after, used = os.times(), resource.getrusage(resource.RUSAGE_CHILDREN)
        os.write(writer, repr((used.ru_utime + used.ru_stime, after.elapsed - before.elapsed, used.ru_maxrss / 1024)).encode())
        if done.returncode:
            os.write(2, done.stderr)
        os._exit(done.returncode)
    os.close(writer)
    with open(reader, "rb") as pipe:
        answer = pipe.read().decode()
    if os.waitpid(child, 0)[1]:
        raise SystemExit(f"{name} failed")
    if keep is not None:
        shutil.move(out, keep)
    shutil.rmtree(out, ignore_errors=True)
    numbers = [float(number) for number in answer.strip("()").split(",")]
    return Cost(*numbers)


def make_photographs(folder: Path, count: int, width: int, height: int) -> None:
    """JPEGs of smooth shapes with some noise, about as hard to decode as a photograph."""
    folder.mkdir()
    for number in range(count):
        random = np.random.default_rng(number)
        coarse = Image.fromarray(random.integers(0, 256, (height // 16, width // 16, 3), np.uint8)).resize(
            (width, height), BICUBIC
        )
        grain = random.normal(0, 6, (height, width, 1))
        pixels = np.clip(np.asarray(coarse) + grain, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:06d}.jpg", quality=90)


def same_pixels(plain_out: Path, our_out: Path, source: Path, side: int) -> bool:
    """Whether ours holds the pixels of the plain loop."""
    from gan_pipeline import open_dataset

    dataset = open_dataset(str(our_out / "dataset"))
    held = {example["id"]: example["image"] for example in dataset.examples("train")}
    flat = np.fromfile(plain_out / "images.bin", np.uint8).reshape(-1, side, side, 3)
    names = [path.name for path in photographs(source)]
    return len(held) == len(names) and all((held[name] == pixels).all() for name, pixels in zip(names, flat, strict=True))


def table(title: str, source: Path, side: int, names: list[str], rounds: int) -> None:
    count = sum(1 for _ in source.iterdir())
    work = Path(tempfile.mkdtemp(prefix="ganmill-benchmark-"))
    one = work / "one"
    one.mkdir()
    shutil.copy(next(photographs(source)), one)
    first: dict[str, list[Cost]] = {name: [] for name in names}
    whole: dict[str, list[Cost]] = {name: [] for name in names}
    for number in range(rounds):
        for name in names:
            first[name].append(cost(name, one, side))
            keep = work / name if number == 0 and name in ("plain loop", "ours") else None
            whole[name].append(cost(name, source, side, keep))
    equal = same_pixels(work / "plain loop", work / "ours", source, side)
    shutil.rmtree(work)
    print(
        f"\n{title}: {count:,} JPEGs, {rounds} rounds in turn, medians; {platform.processor() or platform.machine()}, "
        f"{len(os.sched_getaffinity(0))} processors, load {os.getloadavg()[0]:.1f}"
    )
    print(f"  {'':<14} {'start-up':>9} {'an image':>10} {'whole':>8} {'clock':>8} {'peak':>8}   an image / plain loop")
    per_image = {
        name: [(a.processor - b.processor) / (count - 1) for a, b in zip(whole[name], first[name], strict=True)]
        for name in names
    }
    for name in names:
        ratio = statistics.median(a / b for a, b in zip(per_image[name], per_image["plain loop"], strict=True))
        print(
            f"  {name:<14} {statistics.median(one.processor for one in first[name]):7.2f} s"
            f" {1000 * statistics.median(per_image[name]):7.2f} ms"
            f" {statistics.median(one.processor for one in whole[name]):6.2f} s"
            f" {statistics.median(one.clock for one in whole[name]):6.2f} s"
            f" {statistics.median(one.memory for one in whole[name]):5.0f} MB   {ratio:.2f}"
        )
    tool = statistics.median(a / b for a, b in zip(per_image["dataset tool"], per_image["ours"], strict=True))
    print(f"  dataset tool / ours, an image: {tool:.2f};  pixels of the plain loop and ours are equal: {equal}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=Path, help="a folder of JPEGs; made if it is left out")
    parser.add_argument("--count", type=int, default=3000, help="how many are made")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--contender", choices=CONTENDERS, help="used by the benchmark itself: one contender, here")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--side", type=int, default=64)
    options = parser.parse_args()
    if options.contender:
        CONTENDERS[options.contender](options.images, options.out, options.side)
        return
    work = Path(tempfile.mkdtemp(prefix="ganmill-benchmark-"))
    small = options.images
    if small is None:
        small = work / "small"
        make_photographs(small, options.count, 178, 218)
    names = ["plain loop", "dataset tool", "tfds", "ours"]
    table(f"To {options.side}x{options.side}, crop, bicubic", small, options.side, names, options.rounds)
    make_photographs(work / "large", max(20, options.count // 20), 1024, 1024)
    table("1024x1024 to 256x256", work / "large", 256, [*names, "ours, scaled"], options.rounds)
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
