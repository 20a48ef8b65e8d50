"""Makes the HTML page of a dataset from its folder."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gan_core.errors import DataError
from gan_core.html.pictures import LOSSLESS_SIDE
from gan_core.html.rendering import render
from gan_core.storage import Folder
from gan_core.text import printable
from gan_pipeline.dataset.failures import read_failures
from gan_pipeline.dataset.features import AttributesFeature, image_features
from gan_pipeline.dataset.manifest import Manifest
from gan_pipeline.dataset.prepare_command import prepare_command
from gan_pipeline.inspection import findings, view
from gan_pipeline.inspection.faces import FacesAudit, faces_audit
from gan_pipeline.inspection.findings import Finding
from gan_pipeline.inspection.image_statistics import QUANTILES
from gan_pipeline.inspection.pictures import Album, read_examples, shown
from gan_pipeline.inspection.scan import Scan, scan


@dataclass(frozen=True)
class Page:
    """The HTML of a page, which refers to no other file, and the findings shown on top of it."""

    html: str
    findings: list[Finding]


def dataset_page(folder: Folder, manifest: Manifest, advance: Callable[[int], None] = lambda count: None) -> Page:
    """Measure a dataset and make its page. The same dataset gives the same page.

    Args:
        folder: the dataset folder; nothing in it is changed.
        manifest: its manifest.
        advance: called with the number of records read since the last call.

    Raises:
        DataError: a record or a list of the folder is damaged, or there are no records.
        StorageError: the folder cannot be read.
    """
    if not manifest.counts.kept:
        raise DataError(f"{folder.uri}: holds no examples; prepare the dataset again")
    images = image_features(manifest.features)
    side = min((feature.shape[0] for feature in images.values()), default=0)
    audit = faces_audit(folder, side)
    measured = scan(folder, manifest, frozenset(name for name, _ in audit.lowest) if audit else frozenset(), advance)
    repeated = {name: view.repeats(one, measured) for name, one in measured.images.items()}
    extremes = {name: view.extremes(one) for name, one in measured.images.items()}
    groups = view.groups(manifest, measured, pairs=len(images) > 1) if images else []
    wanted = {number for group in groups for number in group.shown} | set(measured.found.values())
    for one in repeated.values():
        wanted |= {number for group in one.shown for number in group}
        wanted |= {number for pair in one.near_shown for number in (pair.first, pair.second)}
    wanted |= {number for one in extremes.values() for numbers in one.values() for number in numbers}
    album = Album(manifest, measured, read_examples(folder, manifest, measured, wanted))
    failures = read_failures(folder)
    balance = view.balance(manifest, measured)
    found = _findings(manifest, measured, repeated, balance, audit, side)
    html = render(
        "gan_pipeline.inspection",
        "dataset.html.j2",
        manifest=manifest,
        folder=printable(folder.uri),
        images=images,
        findings=found,
        groups=groups,
        album=album,
        compressed=any(max(feature.shape[:2]) > LOSSLESS_SIDE for feature in images.values()),
        means=_means(measured),
        balance=balance,
        largest=view.largest,
        class_light=_class_light(measured, len(balance)),
        attributes=_attributes(manifest, measured),
        light={name: view.brightness(one, measured, tuple(manifest.splits)) for name, one in measured.images.items()},
        extremes=extremes,
        sizes=view.record_sizes(measured),
        repeats=repeated,
        points=view.points(manifest, measured),
        audit=audit,
        numbers=measured.found,
        side=side,
        dropped=view.dropped(failures),
        quantiles=[f"{share:.0%}" for share in QUANTILES],
        command=prepare_command(manifest),
    )
    return Page(html, found)


def _findings(
    manifest: Manifest,
    measured: Scan,
    repeated: dict[str, view.Repeats],
    balance: list[view.Balance],
    audit: FacesAudit | None,
    side: int,
) -> list[Finding]:
    """Everything about the dataset that a user should know, warnings first."""
    found: list[Finding] = []
    for name, one in repeated.items():
        found += findings.shared_images(name, tuple(manifest.splits), one.shared, one.near_apart)
        found += findings.repeated_images(name, one.copies, one.disagreeing)
        found += findings.blank_images(name, measured.images[name].contrast)
    if balance:
        # Datasets of an earlier version name every class, and say by number which of them they hold.
        numbers = {label for label in manifest.options.classes or () if isinstance(label, int)}
        counts = {one.name: sum(one.counts) for number, one in enumerate(balance) if not numbers or number in numbers}
        found += findings.uneven_classes(counts)
    if audit and audit.sides:
        found += findings.enlarged_faces(audit.enlarged, sum(audit.sides.counts), side)
    found += findings.dropped_inputs(manifest.counts.dropped, manifest.counts.read)
    return sorted(found, key=lambda finding: finding.level != "warning")


def _means(measured: Scan) -> dict[str, list[Any]]:
    """For each image feature the mean images of all classes, or splits; an empty list where there are too many."""
    return {
        name: [None if pixels is None else shown(pixels, "") for pixels in (one.means.images() if one.means else ())]
        for name, one in measured.images.items()
    }


def _class_light(measured: Scan, classes: int) -> list[tuple[float, float] | None]:
    """For each class the means of brightness and contrast, or None if it has no examples."""
    if measured.label is None or "image" not in measured.images:
        return []
    image, counts = measured.images["image"], np.bincount(measured.label, minlength=classes)
    sums = (np.bincount(measured.label, values, classes) for values in (image.brightness, image.contrast))
    return [(light / count, contrast / count) if count else None for light, contrast, count in zip(*sums, counts, strict=True)]


def _attributes(manifest: Manifest, measured: Scan) -> list[view.Balance]:
    """How many examples of each split have each attribute."""
    features = [feature for feature in manifest.features.values() if isinstance(feature, AttributesFeature)]
    if measured.attributes is None:
        return []
    return [view.Balance(name, tuple(measured.attributes[:, number].tolist())) for number, name in enumerate(features[0].names)]
