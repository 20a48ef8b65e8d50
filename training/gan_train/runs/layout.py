"""The names of all files in a run folder. No other module spells them or takes them apart.

    recipe.yaml                                    the recipe, as 'gan-train run' takes it
    run.json                                       dataset, package versions and ancestors: with the recipe, what the run is
    sessions.jsonl                                 each session of training: from which step, by which options and versions
    status.json                                    where it stands
    metrics.jsonl, tensorboard/                    its metrics, a row for each logged step
    trackers.json                                  its names with the services that follow it (--track)
    diagnosis.jsonl                                a verdict for each time it was judged
    rollbacks.jsonl, skipped_shards.jsonl          what went wrong and was put right
    hang.txt                                       the stacks of all threads of a process that stood still
    latents.npz                                    the inputs of every sample grid
    reals.png, samples/step-00000450.png           real examples, and generated ones of one step
    losses.png, report.html                        curves, and everything on one page
    dataset.json, dataset-preview.png              the dataset, for when it is not at hand
    checkpoints/step-00000450/                     all variables of one step: see checkpoint.py
    models/generator-step-00000450.keras           a network of one step, in plain Keras
    pictures/interpolation-step-00000450.png       pictures that the report asks of the newest generator
    scores.jsonl, scores/neighbours-step-00000450.png   scores, and generated images beside the closest real ones
    best/best.json, best/generator-step-00000450.keras  the best generator by one of the scores

A name that follows none of these patterns belongs to somebody else: it is neither read nor removed. That includes what
other programs leave behind, such as "generator-step-00000450 (1).keras" or "step-00000450.png.crdownload".

Locks and temporary files are in a subfolder that the storage names (gan_core.storage.WORK).
"""

import re
from dataclasses import dataclass
from typing import Protocol

RECIPE, RECORD, SESSIONS, STATUS = "recipe.yaml", "run.json", "sessions.jsonl", "status.json"
METRICS, EVENTS = "metrics.jsonl", "tensorboard"
DIAGNOSIS, TRACKERS = "diagnosis.jsonl", "trackers.json"
ROLLBACKS, SKIPPED, HANG = "rollbacks.jsonl", "skipped_shards.jsonl", "hang.txt"
LATENTS, REALS, LOSSES, REPORT = "latents.npz", "reals.png", "losses.png", "report.html"
DATASET, DATASET_PREVIEW = "dataset.json", "dataset-preview.png"
SCORES, BEST = "scores.jsonl", "best/best.json"

CHECKPOINTS = "checkpoints"
COMMIT, VARIABLES, STATE = "COMMIT", "variables.safetensors", "state.json"
"""Files of a checkpoint."""


class Listing(Protocol):
    """A folder that can be listed, such as a gan_core.storage.Folder."""

    def names(self, prefix: str = "") -> list[str]:
        """Names of the files below the folder that start with `prefix`."""


@dataclass(frozen=True)
class StepFiles:
    """Files of one kind, of which a run has one for each of several steps.

    Attributes:
        prefix: of the name, before the step: "samples/".
        suffix: of the name, after the step: ".png".
    """

    prefix: str
    suffix: str

    def name(self, step: int) -> str:
        """Name of the file of a step: samples/step-00000450.png."""
        return f"{self.prefix}{step_name(step)}{self.suffix}"

    def step(self, name: str) -> int | None:
        """The step of such a file, or None for any other file."""
        match = re.fullmatch(rf"{re.escape(self.prefix)}step-(\d{{8,}}){re.escape(self.suffix)}", name)
        return int(match[1]) if match and self.name(int(match[1])) == name else None

    def steps(self, run: Listing) -> list[int]:
        """Steps of all such files of a run, ascending."""
        found = (self.step(name) for name in run.names(f"{self.prefix}step-"))
        return sorted(step for step in found if step is not None)

    def names(self, run: Listing) -> list[str]:
        """Names of all such files of a run, by ascending step."""
        return [self.name(step) for step in self.steps(run)]

    def newest(self, run: Listing) -> str | None:
        """Name of the file of the latest step, or None if there is none."""
        steps = self.steps(run)
        return self.name(steps[-1]) if steps else None


SAMPLES = StepFiles("samples/", ".png")
NEIGHBOURS = StepFiles("scores/neighbours-", ".png")


def step_name(step: int) -> str:
    """The step as names have it, with 8 digits or more: step-00000450."""
    return f"step-{step:08d}"


def checkpoint_folder(step: int) -> str:
    """Folder of a step's checkpoint: checkpoints/step-00000450."""
    return f"{CHECKPOINTS}/{step_name(step)}"


def committed_steps(run: Listing) -> list[int]:
    """Steps of all complete checkpoints, ascending. A checkpoint is complete once its COMMIT is there."""
    return checkpoint_files(COMMIT).steps(run)


def checkpoint_files(name: str) -> StepFiles:
    """The files of that name, such as COMMIT, of all checkpoints."""
    return StepFiles(f"{CHECKPOINTS}/", f"/{name}")


def networks(kind: str) -> StepFiles:
    """Saved networks of a kind, such as "generator"."""
    return StepFiles(f"models/{kind}-", ".keras")


def best_networks(kind: str) -> StepFiles:
    """Copies of saved networks that were kept as the best so far."""
    return StepFiles(f"best/{kind}-", ".keras")


def generated_pictures(kind: str) -> StepFiles:
    """Pictures of a kind, such as "interpolation", that the report shows."""
    return StepFiles(f"pictures/{kind}-", ".png")
