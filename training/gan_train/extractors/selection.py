"""Opens the extractor that the option --extractor names."""

from typing import cast

from gan_core.errors import UsageError
from gan_pipeline.dataset.manifest import Manifest
from gan_train.extractors.base import Extractor
from gan_train.extractors.classifier import DOMAINS, Domain, classifier_for, packaged_classifier, run_classifier

AUTO, INCEPTION = "auto", "inception"


def open_extractor(name: str, weights: str | None, manifest: Manifest | None) -> Extractor:
    """Open an extractor.

    Args:
        name: "inception", a packaged classifier, or the folder of a classifier's run; "auto" is the packaged classifier
            that fits the dataset, and Inception where none does.
        weights: file of Inception's weights, or None.
        manifest: of the dataset that is scored; None of images that are of none, for which "auto" is Inception.

    Raises:
        UsageError: weights were given for an extractor that needs none.
        DataError: there are no weights for Inception, or no classifier in that folder.
    """
    if name == AUTO:
        packaged = None if weights or manifest is None else classifier_for(manifest)
        if packaged:
            return packaged
        name = INCEPTION
    if name == INCEPTION:
        from gan_train.extractors.inception import InceptionV3

        return InceptionV3(weights)
    if weights:
        raise UsageError(f"--weights goes with --extractor {INCEPTION}; {name} brings its own")
    if name in DOMAINS.values():
        return packaged_classifier(cast(Domain, name))
    return run_classifier(name)
