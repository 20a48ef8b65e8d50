"""gan-train evaluate --images: scores any images against a dataset or against other images, by the code that scores runs.

score_images(ImageScoring("theirs.zip", data="data/digits")).lines()
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from gan_core.errors import UsageError
from gan_core.progress import show_progress
from gan_train.extractors.base import Extractor
from gan_train.extractors.resizing import check_fits
from gan_train.scoring.compute import compute_scores
from gan_train.scoring.evaluate import COUNT, FEWEST
from gan_train.scoring.image_statistics import ImageStatistics, gather_statistics
from gan_train.scoring.images import Images, reals, renumbered
from gan_train.scoring.protocol import FILES, Protocol
from gan_train.scoring.real_statistics import real_statistics
from gan_train.scoring.scores import Scored
from gan_train.tools.image_set import ImageSet, open_image_set

_OF_ONE_SIZE = ("ms_ssim", "ms_ssim_of_reals")
"""Scores that compare only between images of one size."""


@dataclass(frozen=True)
class ImageScoring:
    """The images to score, and the options of scoring.

    Attributes:
        images: folder or zip of the images to score, local or gs://.
        data: dataset folder of the reference; None if `against` is given.
        against: folder or zip of the reference; None if `data` is given.
        extractor, weights, resizer, split, count: see `gan_train.scoring.evaluate.ScoringOptions`.
    """

    images: str
    data: str | None = None
    against: str | None = None
    extractor: str = "auto"
    weights: str | None = None
    resizer: str = "bicubic"
    split: str = "train"
    count: int = COUNT


def score_images(options: ImageScoring) -> Scored:
    """Score images. Nothing is written but the statistics of the reference, into the cache of this machine.

    Raises:
        UsageError: an option is wrong, or there are fewer images than scores need.
        DataError: there is no such folder or dataset, or no weights for the extractor, or one is damaged.
        StorageError: a folder cannot be read.
    """
    if options.against is not None:
        return _against_files(options, options.against)
    assert options.data is not None
    return _against_dataset(options, options.data)


def _against_dataset(options: ImageScoring, data: str) -> Scored:
    from gan_train.data.dataset import open_images
    from gan_train.extractors.selection import open_extractor

    dataset = open_images(data, options.split)
    shape = dataset.manifest.image().shape
    extractor = open_extractor(options.extractor, options.weights, dataset.manifest)
    images = _image_set(options.images, shape[2], options.count)
    count = _enough(data, min(options.count, dataset.examples))
    own = check_fits(options.resizer, shape, extractor.shape, extractor.name)
    protocol = _protocol(options, extractor, images, dataset.manifest.digest, count)

    def gather() -> ImageStatistics:
        numbered = renumbered(reals(dataset, count), dataset.class_names, extractor.class_names)
        return _gather(numbered, count, shape, extractor, own, "reals")

    # The entry of the cache is the one that scores of runs use: it depends on how the reals alone are resized.
    reference = real_statistics(replace(protocol, resizer=own), gather)
    return _scored(protocol, reference, _statistics(images, extractor, options.resizer), images.shape == shape)


def _against_files(options: ImageScoring, against: str) -> Scored:
    from gan_train.extractors.selection import open_extractor

    extractor = open_extractor(options.extractor, options.weights, None)
    images, others = (_image_set(uri, extractor.shape[2], options.count) for uri in (options.images, against))
    protocol = replace(_protocol(options, extractor, images, others.digest, len(others)), split=FILES)
    own = others.resizer(extractor.shape, extractor.name, options.resizer)
    reference = real_statistics(replace(protocol, resizer=own), lambda: _statistics(others, extractor, options.resizer))
    alike = images.shape is not None and images.shape == others.shape
    return _scored(protocol, reference, _statistics(images, extractor, options.resizer), alike)


def _scored(protocol: Protocol, reference: ImageStatistics, images: ImageStatistics, of_one_size: bool) -> Scored:
    scores = compute_scores(reference, images)
    return Scored(protocol, {name: value for name, value in scores.items() if of_one_size or name not in _OF_ONE_SIZE})


def _image_set(uri: str, channels: int, count: int) -> ImageSet:
    images = open_image_set(uri, 1 if channels == 1 else 3, count)
    _enough(uri, len(images))
    return images


def _enough(uri: str, count: int) -> int:
    if count < FEWEST:
        raise UsageError(f"{uri}: scores need {FEWEST} images or more, not {count}; prepare or give more")
    return count


def _protocol(options: ImageScoring, extractor: Extractor, images: ImageSet, digest: str, count: int) -> Protocol:
    return Protocol(
        extractor=extractor.name,
        extractor_hash=extractor.hash,
        resizer=images.resizer(extractor.shape, extractor.name, options.resizer),
        dataset=digest,
        split=options.split,
        reals=count,
        fakes=len(images),
        seed=0,
        weights=FILES,
        step=0,
    )


def _statistics(images: ImageSet, extractor: Extractor, resizer: str) -> ImageStatistics:
    used = images.resizer(extractor.shape, extractor.name, resizer)
    shape, then = (images.shape, used) if images.shape else (extractor.shape, "none")
    return _gather(images.batches(extractor.shape, used), len(images), shape, extractor, then, "images")


def _gather(
    images: Iterator[Images], count: int, shape: tuple[int, ...], extractor: Extractor, resizer: str, words: str
) -> ImageStatistics:
    with show_progress(count, words) as counted:
        return gather_statistics(images, count, shape, extractor, resizer, counted)
