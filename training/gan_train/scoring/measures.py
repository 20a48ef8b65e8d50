"""Every score of fakes beside reals, from what was gathered of both sides; what takes long says how far it has come."""

import math

from gan_core.progress import show_progress
from gan_train.metrics.classes import class_balance, class_coverage
from gan_train.metrics.frechet import frechet_distance
from gan_train.metrics.inception_score import inception_score
from gan_train.metrics.kernel import SUBSETS, kernel_distance
from gan_train.metrics.neighbourhoods import neighbourhoods
from gan_train.scoring.side import SEED, ImageStatistics


def measured(reals: ImageStatistics, fakes: ImageStatistics) -> dict[str, float]:
    """Scores by their names in `KINDS`.

    Those of classes are there where the reals have labels; MS-SSIM where images are large enough for its window.

    Raises:
        UsageError: fewer images than a score needs.
    """
    with show_progress(SUBSETS, "subsets for KID") as counted:
        kid = kernel_distance(reals.features, fakes.features, SEED, counted.advance)
    with show_progress(2 * len(reals.features) + len(fakes.features), "neighbourhoods") as counted:
        near = neighbourhoods(reals.features, fakes.features, done=counted.advance)
    sure = inception_score(fakes.splits)
    scores = {
        "fid": frechet_distance(reals.moments, fakes.moments),
        "kid": kid.mean,
        "kid_std": kid.std,
        "inception_score": sure.mean,
        "inception_score_std": sure.std,
        "precision": near.precision,
        "recall": near.recall,
        "density": near.density,
        "coverage": near.coverage,
    }
    if not math.isnan(fakes.similarity):
        scores |= {"ms_ssim": fakes.similarity, "ms_ssim_of_reals": reals.similarity}
    if reals.labelled.any():
        scores["class_coverage"] = class_coverage(fakes.predicted, reals.labelled)
        scores["class_balance"] = class_balance(fakes.predicted, reals.labelled)
        if fakes.labelled.any():
            scores["class_agreement"] = fakes.agreeing / fakes.count
    return scores
