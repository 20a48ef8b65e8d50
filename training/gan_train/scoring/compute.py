"""Computes all scores of generated images from their statistics and those of reals."""

import math

from gan_core.progress import show_progress
from gan_train.metrics.classes import class_balance, class_coverage
from gan_train.metrics.frechet import frechet_distance
from gan_train.metrics.inception_score import inception_score
from gan_train.metrics.kernel import SUBSETS, kernel_distance
from gan_train.metrics.neighbourhoods import neighbourhoods
from gan_train.scoring.image_statistics import SEED, ImageStatistics


def compute_scores(reals: ImageStatistics, fakes: ImageStatistics) -> dict[str, float]:
    """Compute all scores, by their names in `KINDS`, and show the progress of the slow ones.

    Scores of classes are left out if the reals have no labels, MS-SSIM if the images are smaller than its window.

    Raises:
        UsageError: fewer images than a score needs.
    """
    with show_progress(SUBSETS, "subsets for KID") as counted:
        kid = kernel_distance(reals.features, fakes.features, SEED, counted.advance)
    with show_progress(2 * len(reals.features) + len(fakes.features), "neighbourhoods") as counted:
        neighbour_scores = neighbourhoods(reals.features, fakes.features, done=counted.advance)
    inception = inception_score(fakes.splits)
    scores = {
        "fid": frechet_distance(reals.moments, fakes.moments),
        "kid": kid.mean,
        "kid_std": kid.std,
        "inception_score": inception.mean,
        "inception_score_std": inception.std,
        "precision": neighbour_scores.precision,
        "recall": neighbour_scores.recall,
        "density": neighbour_scores.density,
        "coverage": neighbour_scores.coverage,
    }
    if not math.isnan(fakes.similarity):
        scores |= {"ms_ssim": fakes.similarity, "ms_ssim_of_reals": reals.similarity}
    if reals.labelled.any():
        scores["class_coverage"] = class_coverage(fakes.predicted, reals.labelled)
        scores["class_balance"] = class_balance(fakes.predicted, reals.labelled)
        if fakes.labelled.any():
            scores["class_agreement"] = fakes.agreeing / fakes.count
    return scores
