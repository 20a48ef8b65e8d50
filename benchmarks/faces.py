"""The face detector against the mtcnn package whose weights and boxes it has, in one run.

    python benchmarks/faces.py [--images ../shared/data/faces/lfw_2000.zip] [--limit 512] [--rounds 5]

Contenders, on the same photographs resized to 178x218, the size of CelebA's:
    one by one      `MTCNN().detect_faces(image)`; its boxes are the reference. On an eighth of the photographs
    batched         `MTCNN().detect_faces(list of 32)`, the package at its best
    facenet         facenet-pytorch's batched detector, another implementation, if it is installed
    ours            `FaceDetector().detect(list)`, lists of 32 and of 128 as the pipeline has them

Imports, weights and first calls are outside every measurement.

The ratios move with what else the machine does: ours keeps both processors busy, the package 1.4 of them. The time of
the processors themselves, printed too, does not.

Profiled, in milliseconds of one processor for each photograph: the package takes 13 to 16, ours 6. Of the package's time
a third is the first network on the pyramid, called eagerly level by level; a sixth the pyramid, resized in float64; a
quarter the second network on 28 crops, a tenth the third on two; the rest is NumPy and calls. What helped: one traced
graph for all levels (3.3 to 2.5 ms), both heads in one convolution and the softmax only where it can matter, PReLU as one
multiplication and one maximum over whole rows and its slopes above 1 after the pooling, the pyramid in float32 (equal
bits), overlaps of all levels in one matrix (0.3 ms), threads that stay, for oneDNN's kernels are kept for each thread,
and four rounds of images at once, so that NumPy and Python run beside the networks. Convolutions are now half of the time,
at 50 to 100 GFLOP/s on one processor: the most they can give.

What did not help: XLA (its convolutions are slower), the pyramid as matrix products (four times as slow), pooling before
every PReLU, rounds of 8 or 64, the first layers in parts that fit the cache (2 %). Left alone: bfloat16, for which of two
boxes with nearly equal scores stays hangs on the last bit of float32.
"""

import argparse
import io
import statistics
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gan_core.quiet import import_tensorflow

Photograph = NDArray[np.uint8]
Box = tuple[float, float, float, float]
"""x, y, width, height in pixels."""

WIDTH, HEIGHT = 178, 218
ENDINGS = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class Contender:
    """A detector: from a list of photographs to each one's most confident box, called with `batch` at a time.

    `share` of the photographs are measured.
    """

    detect: Callable[[Sequence[Photograph]], list[Box | None]]
    batch: int
    share: float = 1

    def seconds(self, photographs: Sequence[Photograph]) -> tuple[float, float]:
        """For each photograph: by the clock, and of all processors together."""
        few = photographs[: max(self.batch, round(self.share * len(photographs)))]
        began, worked = time.perf_counter(), time.process_time()
        self.boxes(few)
        return (time.perf_counter() - began) / len(few), (time.process_time() - worked) / len(few)

    def boxes(self, photographs: Sequence[Photograph]) -> list[Box | None]:
        starts = range(0, len(photographs), self.batch)
        return [box for start in starts for box in self.detect(photographs[start : start + self.batch])]


def read_photographs(source: Path, limit: int | None) -> list[Photograph]:
    """The first images of a zip or folder, by name, each resized to 178x218."""
    folder: Path | zipfile.ZipFile = source if source.is_dir() else zipfile.ZipFile(source)
    if isinstance(folder, zipfile.ZipFile):
        names = folder.namelist()
    else:
        names = [str(path.relative_to(folder)) for path in folder.rglob("*")]
    photographs = []
    for name in sorted(name for name in names if name.lower().endswith(ENDINGS))[:limit]:
        content = folder.read(name) if isinstance(folder, zipfile.ZipFile) else (folder / name).read_bytes()
        image = Image.open(io.BytesIO(content)).convert("RGB")
        photographs.append(np.asarray(image.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)))
    return photographs


def package() -> dict[str, Contender]:
    from mtcnn import MTCNN

    detector = MTCNN()

    def first(faces: list[dict[str, Any]]) -> Box | None:
        return tuple(faces[0]["box"]) if faces else None

    return {
        "package, one by one": Contender(lambda batch: [first(detector.detect_faces(image)) for image in batch], 1, 1 / 8),
        "package, batched": Contender(lambda batch: [first(faces) for faces in detector.detect_faces(list(batch))], 32),
    }


def facenet() -> dict[str, Contender]:
    """facenet-pytorch, with the package's smallest face and thresholds; nothing if it is not installed."""
    if find_spec("facenet_pytorch") is None:
        return {}
    from facenet_pytorch import MTCNN  # type: ignore[import-not-found]

    detector = MTCNN(keep_all=True, min_face_size=20, thresholds=[0.6, 0.7, 0.8], device="cpu")

    def detect(batch: Sequence[Photograph]) -> list[Box | None]:
        boxes, scores = detector.detect(np.stack(batch))
        found: list[Box | None] = []
        for some, confidences in zip(boxes, scores, strict=True):
            if some is None:
                found.append(None)
                continue
            left, top, right, bottom = some[int(np.argmax(confidences))]
            found.append((left, top, right - left, bottom - top))
        return found

    return {"facenet-pytorch, batched": Contender(detect, 32)}


def ours() -> dict[str, Contender]:
    from gan_pipeline.transforms.face_detector import face_detector

    detector = face_detector()

    def detect(batch: Sequence[Photograph]) -> list[Box | None]:
        return [faces[0].box if faces else None for faces in detector.detect(batch)]

    return {"ours, lists of 32": Contender(detect, 32), "ours, lists of 128": Contender(detect, 128)}


def agreement(boxes: Sequence[Box | None], reference: Sequence[Box | None]) -> str:
    """How a contender's most confident boxes compare with the package's, one by one."""
    overlaps, near = [], 0
    for box, other in zip(boxes, reference, strict=True):
        if box is None or other is None:
            near += box is other
            continue
        overlaps.append(overlap(box, other))
        near += max(abs(a - b) for a, b in zip(box, other, strict=True)) <= 1
    return f"IoU median {statistics.median(overlaps):.4f}, within one pixel {near} of {len(boxes)}"


def overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    shared = max(0, width) * max(0, height)
    return shared / (one[2] * one[3] + other[2] * other[3] - shared)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=Path, default=Path("../shared/data/faces/lfw_2000.zip"), help="a zip or a folder")
    parser.add_argument("--limit", type=int, default=512, help="how many of them")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    import_tensorflow()
    photographs = read_photographs(options.images, options.limit)
    contenders = package() | facenet() | ours()
    for contender in contenders.values():
        contender.boxes(photographs[: contender.batch])
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    work: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(options.rounds):
        for name, contender in contenders.items():
            clock, processors = contender.seconds(photographs)
            seconds[name].append(clock)
            work[name].append(processors)
    reference = contenders["package, one by one"].boxes(photographs)

    print(f"\n{len(photographs):,} photographs {WIDTH}x{HEIGHT}, {options.rounds} rounds in turn")
    for name, values in seconds.items():
        speed = f"{1 / statistics.median(values):6.1f} images/s (max {1 / min(values):6.1f})"
        times = statistics.median(a / b for a, b in zip(seconds["package, batched"], values, strict=True))
        effort = f"{1000 * statistics.median(work[name]):5.1f} ms of processor"
        boxes = agreement(contenders[name].boxes(photographs), reference)
        print(f"  {name:<25} {speed}  {times:5.2f} times batched  {effort}  {boxes}")


if __name__ == "__main__":
    main()
