"""Pairs of source and target: side by side in one image, or two images of equal names in the folders of two domains."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from gan_core.errors import DataError, UnusableInputError
from gan_pipeline.dataset.options import Options, ResizeRule
from gan_pipeline.dataset.records import Example, Image
from gan_pipeline.dataset.understood import PAIRS_BY_NAME, FoundSplit, Headers, Understood
from gan_pipeline.sources.base import Read, split_of
from gan_pipeline.sources.domains import domains, pairs_by_name
from gan_pipeline.sources.file_tree import FileTree
from gan_pipeline.sources.files import FileSource
from gan_pipeline.sources.image_names import ending_counts, image_names, left_out
from gan_pipeline.sources.image_reader import ReadImage
from gan_pipeline.sources.splits import SplitFiles, common_depth, found_splits, misplaced, split_images, tops_at
from gan_pipeline.transforms.split_pair import is_side_by_side
from gan_pipeline.transforms.transform import Halves, Resized, image_shape

_LEAST_ALIKE = 0.99
"""Ratio of the aspect ratios of two images that may be a pair: one may be a reduction of the other."""


def open_pairs(tree: FileTree, options: Options) -> FileSource:
    """Pairs, out of two folders A and B by equal names if there are such folders, else of halves.

    Raises:
        DataError: there are no images, or an image of A or B has no partner.
    """
    names = tree.names()
    images = image_names(tree)
    notes, left = left_out(names, images), ending_counts(set(names).difference(images))
    found = domains(images, tree.uri, options.domain_folders)
    if found and (options.domains or all(any(both[domain].paths for both in found.values()) for domain in (0, 1))):
        for split in options.splits:
            split_of(found, split)
        pairs = pairs_by_name({split: both for split, both in found.items() if split in options.splits}, tree.uri)
        splits = {
            split: FoundSplit(inputs=max(len(a.paths), len(b.paths)), written=split in pairs, folders=(*a.folders, *b.folders))
            for split, (a, b) in found.items()
        }
        understood = Understood(splits=splits, pairs=PAIRS_BY_NAME, left_out=left, misplaced=misplaced(found.get("train", ())))
        return PairedFiles(tree, pairs, options, notes, understood)
    splits_of_halves = split_images(images, tree.uri, use_folders=options.split_folders is None)
    understood = Understood(
        splits=found_splits(splits_of_halves, options),
        pairs="halves of one image",
        left_out=left,
        misplaced={} if options.split_folders else misplaced([splits_of_halves.get("train", SplitFiles())]),
    )
    files = {split: files.names for split, files in splits_of_halves.items()}
    return SideBySide(tree, files, options, notes, understood)


class SideBySide(FileSource):
    """Images that hold source and target side by side. The arguments are as of PairedFiles, with the files of every split."""

    def __init__(
        self,
        tree: FileTree,
        files: Mapping[str, Sequence[str]],
        options: Options,
        notes: tuple[str, ...],
        understood: Understood,
    ) -> None:
        assert options.resampler and options.swap is not None
        self._any_ratio = options.any_ratio is not None
        halves = Halves(image_shape(options), options.swap, options.resampler, self._any_ratio)
        super().__init__(tree, files, halves, options, notes=notes, understood=understood)

    def understand(self) -> Understood:
        """See Source. Raises DataError if no image is about twice as wide as it is high."""
        understood = super().understand()
        assert understood.headers
        if not self._any_ratio:
            _check_halves(understood.headers, self._tree)
        return understood


def _check_halves(headers: Headers, tree: FileTree) -> None:
    sizes = [tuple(map(int, size.split("x"))) for size in headers.sizes]
    if sizes and not any(is_side_by_side(width, height) for width, height in sizes):
        size = max(headers.sizes, key=lambda size: headers.sizes[size])
        raise DataError(
            f"{tree.uri}: no image of {headers.read} is about twice as wide as it is high, as a pair side by side is (most are "
            f"{size}); this looks like {_resembles(image_names(tree))}. Give --any-ratio to cut them "
            "at their middle all the same"
        )


def _resembles(images: Sequence[str]) -> str:
    """Say what a folder of images that are no pairs may be, and what to do with it."""
    paths = [tuple(name.split("/")) for name in images]
    depth = common_depth(paths, lambda tops: False)
    tops = sorted(tops_at(paths, depth))
    if tops == [""]:
        return "single images: prepare images"
    if len(tops) == 2 and tops[0]:
        first, second = ({path[depth + 1 :] for path in paths if path[depth] == top} for top in tops)
        if first == second:
            return f"pairs in two folders: prepare pairs with --domains {tops[0]},{tops[1]}"
        return f"two domains: prepare unpaired with --domains {tops[0]},{tops[1]}, or class folders: prepare images"
    shown = ", ".join(top for top in tops[:3] if top)
    return f"class folders ({shown}): prepare images"


class PairedFiles(FileSource):
    """Pairs of two image files each; a pair is named like its file of domain A.

    Args:
        tree: where the files are.
        pairs: for every split the file of B by that of A.
        options: of the dataset.
        notes: what the user should know.
        understood: how the folders were read.
    """

    def __init__(
        self,
        tree: FileTree,
        pairs: Mapping[str, Mapping[str, str]],
        options: Options,
        notes: tuple[str, ...],
        understood: Understood,
    ) -> None:
        assert options.resampler
        splits = {split: tuple(partners) for split, partners in pairs.items()}
        whole = Resized(image_shape(options), ResizeRule.STRETCH, options.resampler)
        super().__init__(tree, splits, whole, options, notes=notes, understood=understood)
        self.features = dict.fromkeys(("source", "target"), self.features["image"])
        self._partner = {a: b for partners in pairs.values() for a, b in partners.items()}
        self._swap = options.swap

    @cached_property
    def checksums(self) -> dict[str, str]:
        """Checksums of both files of every pair, by its name."""
        known = self._tree.checksums()
        return {a: f"{known[a]} {known[b]}" for a, b in self._partner.items()}

    def original(self, name: str) -> Image:
        """The decoded image of domain A. Raises UnusableInputError if one of the two cannot be used."""
        super().original(self._partner[name])
        return super().original(name)

    def files(self, split: str) -> list[str]:
        """The names of both files of every pair of a split."""
        names = split_of(self._splits, split)
        return [*names, *(self._partner[name] for name in names)]

    def read(self, split: str, ids: Sequence[int]) -> Iterator[Read]:
        names = (split_of(self._splits, split)[number] for number in ids)
        images = self._reader.read(file for name in names for file in (name, self._partner[name]))
        return (self._pair(a, b) for a, b in zip(images, images, strict=True))

    def changed(self) -> list[str]:
        """See FileSource; a pair is named if one of its two files changed."""
        changed = set(self._tree.changed())
        return sorted(a for a, b in self._partner.items() if changed & {a, b})

    def _pair(self, a: ReadImage, b: ReadImage) -> Read:
        checksum = f"{a.checksum} {b.checksum}" if a.checksum and b.checksum else None
        images_a, images_b = a.transformed.images, b.transformed.images
        if images_a is None or images_b is None:
            return Read(a.name, failure=_failure_of_pair(a, b), checksum=checksum)
        (width, height), (other_width, other_height) = a.size, b.size
        less, more = sorted((width * other_height, height * other_width))
        if less < _LEAST_ALIKE * more:
            detail = f"{width}x{height} and {other_width}x{other_height} pixels"
            return Read(a.name, failure=UnusableInputError("pair", "shapes differ", detail), checksum=checksum)
        source, target = (images_b, images_a) if self._swap else (images_a, images_b)
        values = {"source": source["image"], "target": target["image"]}
        return Read(a.name, Example(a.name, values), used_bits=max(a.used_bits, b.used_bits), checksum=checksum)


def _failure_of_pair(a: ReadImage, b: ReadImage) -> UnusableInputError:
    """The failure of one of two files; that of the storage, after which a file may be tried again, before any other."""
    failures = [(image, image.transformed.failure) for image in (a, b) if image.transformed.failure]
    image, failure = min(failures, key=lambda one: one[1].stage != "storage")
    if image is a:
        return failure
    return UnusableInputError(failure.stage, failure.reason, f"{b.name}: {failure.detail}" if failure.detail else b.name)
