"""The small files of a checkpoint, without TensorFlow: COMMIT, which says what the checkpoint is of, and state.json."""

import hashlib
from typing import Any

from pydantic import TypeAdapter

from gan_core.documents import Whole, parse_json, read_json
from gan_core.storage import Folder
from gan_pipeline.dataset.features import Frozen
from gan_pipeline.dataset.manifest import dump_json
from gan_train.runs.layout import COMMIT, RECIPE, RECORD, STATE, VARIABLES, checkpoint_folder, committed_steps

REMEDY = "remove this folder to continue from the checkpoint before it"
"""The remedy for a damaged checkpoint, as messages name it."""


class Files(Frozen):
    """The sha256 of each file of a checkpoint, in hexadecimal."""

    variables: str
    state: str


class Commit(Frozen):
    """The content of COMMIT.

    Attributes:
        step: the training step that the checkpoint holds.
        run: identifies the run: see `run_digest`.
        dataset: digest of the dataset that the run trains on.
        files: the checkpoint's other files.
    """

    step: Whole
    run: str
    dataset: str
    files: Files


class State(Frozen):
    """The content of state.json.

    Attributes:
        step: the training step that the checkpoint holds.
        dataset_digest: digest of the dataset that the run trains on.
        packages: version by package, of those that wrote the checkpoint.
    """

    step: Whole
    dataset_digest: str
    packages: dict[str, str]


STATE_TYPE = TypeAdapter(State)
_COMMIT = TypeAdapter(dict[str, Any])


def read_commit(run: Folder, step: int) -> Commit:
    """The COMMIT of a committed step. Those of version 0.1 hold the checksums alone; the rest is then taken from state.json.

    Raises:
        DataError: it is damaged.
    """
    folder = checkpoint_folder(step)
    content = read_json(run, f"{folder}/{COMMIT}", _COMMIT, REMEDY)
    if content.keys() == {VARIABLES, STATE}:
        state = read_json(run, f"{folder}/{STATE}", STATE_TYPE, REMEDY)
        files = {"variables": content[VARIABLES], "state": content[STATE]}
        content = {"step": state.step, "run": run_digest(run), "dataset": state.dataset_digest, "files": files}
    return parse_json(dump_json(content), TypeAdapter(Commit), run.locate(f"{folder}/{COMMIT}"), REMEDY)


def newest_dataset(run: Folder) -> str | None:
    """Digest of the dataset that the newest checkpoint was trained on, or None without a checkpoint."""
    steps = committed_steps(run)
    return read_commit(run, steps[-1]).dataset if steps else None


def run_digest(run: Folder) -> str:
    """The sha256 of recipe.yaml and run.json, one after the other, in hexadecimal: what a run is, and so which run."""
    names = (name for name in (RECIPE, RECORD) if run.exists(name))
    return hashlib.sha256(b"".join(run.read(name) for name in names)).hexdigest()
