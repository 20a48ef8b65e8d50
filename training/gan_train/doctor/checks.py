"""The checks of `gan-train doctor`, in their order: what is cheap and often wrong comes first."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from gan_core.doctor.check import Check
from gan_core.doctor.clock import clock_check
from gan_core.doctor.machine import disk_check, memory_check
from gan_core.doctor.rights import FolderRights
from gan_core.doctor.versions import check_versions
from gan_pipeline.dataset.manifest import MANIFEST
from gan_train.doctor.dataset import check_dataset
from gan_train.doctor.devices import check_arithmetic, check_devices
from gan_train.doctor.step import check_recipe, check_step
from gan_train.doctor.workers import check_workers
from gan_train.recipe.base import Recipe
from gan_train.runs.mirror import CACHE

_LEAST_MEMORY = 1 << 30
"""Bytes of memory that TensorFlow and the smallest recipes take."""


@dataclass(frozen=True)
class Plan:
    """The training that is to be possible here.

    Attributes:
        data: dataset folder; None is not looked at.
        out: run folder that is to be written; None is not looked at.
        recipe: loads the recipe, of which a step is tried with the dataset; None tries none.
        strategy: the devices of the steps, as for `gan-train run`; with workers in TF_CONFIG those of this machine.
        cluster_timeout: seconds to wait for the other workers of TF_CONFIG.
    """

    data: str | None
    out: str | None
    recipe: Callable[[], Recipe] | None
    strategy: str
    cluster_timeout: float

    @property
    def has_workers(self) -> bool:
        """Whether TF_CONFIG is set, and the strategy reads it."""
        return bool(os.environ.get("TF_CONFIG")) and self.strategy in ("auto", "multiworker")


def checks(plan: Plan) -> list[Check]:
    """The checks that show whether a training is possible."""
    found = [Check("versions", check_versions), memory_check(_LEAST_MEMORY), disk_check("temporary files")]
    if plan.out and plan.out.startswith("gs://"):
        found.append(disk_check("cache", CACHE))
    found.append(clock_check(plan.out))
    if plan.out:
        found += FolderRights(plan.out, "-o").write_checks()
    if data := plan.data:
        found += FolderRights(data, "--data").read_checks(MANIFEST)
        found.append(Check("shard", partial(check_dataset, data)))
    if recipe := plan.recipe:
        found.append(Check("recipe", partial(check_recipe, recipe)))
    found += [Check("devices", check_devices), Check("arithmetic", check_arithmetic)]
    if data and recipe:
        devices = "auto" if plan.has_workers else plan.strategy
        found.append(Check("step", partial(check_step, recipe, data, devices), late="warning"))
    if plan.has_workers:
        found.append(Check("workers", partial(check_workers, plan.cluster_timeout)))
    return found
