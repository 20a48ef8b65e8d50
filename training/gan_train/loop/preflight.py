"""Checks of a request before TensorFlow is loaded, which takes many seconds: dataset, run folder, strategy."""

import os

from gan_core.errors import UsageError
from gan_core.storage import open_folder
from gan_train.data.dataset import open_dataset
from gan_train.distribution.cluster import check_logical_cpus, find_cluster
from gan_train.distribution.secret import read_secret
from gan_train.loop.request import Request, begun_from
from gan_train.recipe.base import LatentRecipe, Recipe
from gan_train.recipe.examples import ImageConfig
from gan_train.runs.layout import METRICS, committed_steps
from gan_train.runs.origin import find_origin
from gan_train.runs.run_folder import as_recorded, check_record


def refuse_early(request: Request) -> None:
    """Check the strategy, the dataset and, of the process that writes it, the run folder.

    Raises:
        UsageError: the strategy is wrong, several machines have no secret, the recipe does not fit the dataset, or the folder
            holds something else.
        DataError: there is no dataset, or no run to take first weights from, or one of them is damaged.
        StorageError: a folder cannot be read.
    """
    cluster = find_cluster(request.strategy, os.environ)
    check_logical_cpus(request.strategy, request.logical_cpus, cluster)
    if cluster:
        read_secret(cluster, os.environ)
    if cluster and request.parent and request.parent.step is None:
        raise UsageError(f"--init-from {request.parent.run}: several workers need the step, too: {request.parent.run}@STEP")
    if request.stop and request.stop.is_score and not _is_scored(request.recipe):
        raise UsageError(
            f"--stop-when {request.stop.name}: scores are of images from latents, which recipe {request.recipe.name} does not "
            f"make; name a metric of {METRICS}"
        )
    dataset = open_dataset(request.data, request.recipe)
    if cluster is None or cluster.is_chief:
        run = open_folder(request.out)
        check_record(run, as_recorded(request.recipe, run), request.data, dataset.manifest.digest)
        parent = begun_from(request, run)
        if parent and not committed_steps(run):
            find_origin(parent)


def _is_scored(recipe: Recipe) -> bool:
    """Whether `gan-train evaluate` takes a run of this recipe."""
    return isinstance(recipe, LatentRecipe) and isinstance(recipe.examples, ImageConfig)
