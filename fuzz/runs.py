"""Targets: the files of a run folder, and the messages of workers that meet."""

import hashlib
import io
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from fuzz.harness import Target
from gan_core.errors import DataError
from gan_core.storage import open_folder
from gan_pipeline.dataset.manifest import dump_json
from gan_train.distribution import messages
from gan_train.logs.metrics_log import last_rows, read_metrics
from gan_train.logs.verdict import read_verdicts
from gan_train.recipe.document import dump_recipe, load_recipe
from gan_train.runs.checkpoint import read_variables
from gan_train.runs.dataset_facts import read_dataset_facts
from gan_train.runs.layout import (
    COMMIT,
    DATASET,
    DIAGNOSIS,
    LATENTS,
    METRICS,
    RECIPE,
    ROLLBACKS,
    SCORES,
    SKIPPED,
    STATE,
    STATUS,
    VARIABLES,
    checkpoint_folder,
)
from gan_train.runs.rollbacks import read_rollbacks
from gan_train.runs.run_folder import read_record, read_status
from gan_train.runs.saved_networks import load_keras_file
from gan_train.runs.skipped import read_skipped
from gan_train.sampling.snapshots import fixed_inputs
from gan_train.scoring.scores import read_scores
from gan_train.tools.latent_options import read_inputs

_STEP, _DIGEST, _LATENT_SIZE = 12, "d" * 64, 3
_FOLDER = checkpoint_folder(_STEP)
_VARIABLES = save({"generator/dense/kernel": np.ones((2, 3), np.float32), "state/count": np.asarray(4, np.int64)})
_CHECKPOINT_STATE = dump_json({"step": _STEP, "dataset_digest": _DIGEST, "packages": {"keras": "3.12"}})


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _run_recipe() -> bytes:
    recipe = load_recipe("mnist-gan", [f"latent_size={_LATENT_SIZE}", "precision=float32"], short=True)
    facts = f"dataset: data/digits\ndataset_digest: {_DIGEST}\npackages: {{keras: '3.12'}}\n"
    return f"{dump_recipe(recipe)}---\n{facts}".encode()


def _commit(variables: bytes = _VARIABLES, state: bytes = _CHECKPOINT_STATE) -> bytes:
    files = {"variables": _sha256(variables), "state": _sha256(state)}
    return dump_json({"step": _STEP, "run": _sha256(b"recipe"), "dataset": _DIGEST, "files": files})


def _checkpoint(folder: Path) -> object:
    return read_variables(open_folder(folder), _STEP, _DIGEST)


def _committed(folder: Path) -> object:
    """Commit whatever stands there now, so that the readers behind the checksums are reached."""
    content = {name: (folder / _FOLDER / name).read_bytes() for name in (VARIABLES, STATE)}
    (folder / _FOLDER / COMMIT).write_bytes(_commit(content[VARIABLES], content[STATE]))
    return _checkpoint(folder)


def _metrics(folder: Path) -> object:
    last_rows(open_folder(folder))
    return list(read_metrics(open_folder(folder)))


def _npz(**arrays: np.ndarray) -> bytes:  # type: ignore[type-arg]
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def _npy(array: np.ndarray) -> bytes:  # type: ignore[type-arg]
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _latents() -> list[bytes]:
    latents = np.zeros((2, _LATENT_SIZE), np.float32)
    return [_npz(latents=latents, conditions=np.zeros(2, np.int32)), _npz(latents=latents), _npy(latents)]


def _fixed(folder: Path) -> object:
    run = open_folder(folder)
    return fixed_inputs(run, read_record(run).recipe)  # type: ignore[arg-type]


def _message(folder: Path) -> object:
    """A message from the network; a ValueError is its refusal."""
    content = (folder / "message").read_bytes()
    parsers = {b'{"worker"': messages.parse_hello, b'{"leaving': messages.parse_leaving}
    try:
        return parsers.get(content[:9], messages.parse_answer)(content)
    except ValueError as error:
        raise DataError(type(error).__name__) from error


def _keras(folder: Path) -> object:
    return load_keras_file(folder / "model.keras", "model.keras", "take another")


def _keras_seeds() -> list[bytes]:
    import tempfile

    import keras

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.LeakyReLU(0.2)]).save(path)
        return [path.read_bytes()]


_ROW = b'{"step": 1, "elapsed": 0.5, "images_per_second": 9.0, "input_wait": 0.0, "memory.host": 100, "d.loss": 0.7}\n'
_STATUS = b'{"state": "training", "step": 1, "steps": 9, "pid": 77, "host": "box", "time": 1.5, "error": "", "exit_code": 0}'
_VERDICT = b'{"step": 9, "kind": "stable", "failing": false, "since": 3, "words": "stable", "evidence": ["a."], "advice": []}\n'
_ROLLBACK = b'{"step": 9, "name": "d.loss", "player": "d", "value": "nan", "restored": 4}\n'
_SKIPPED = b'{"file": "train-00000-of-00002.tfrecord", "from_step": 0, "reason": "missing"}\n'
_FACTS = dump_json(
    {
        **{"name": "mnist", "digest": _DIGEST, "folder": "data", "splits": {"train": 9}, "read": ["train"]},
        **{"features": {"image": "image 28 x 28 x 1"}, "class_names": ["0"], "counts": {"read": 9, "kept": 9, "dropped": {}}},
    }
)
_SCORES = (
    b'{"step": 4, "scores": {"fid": 12.5}, "protocol": {"dataset": "d", "split": "train", "reals": 9, "extractor": "x", '
    b'"extractor_hash": "h", "resizer": "r", "fakes": 9, "seed": 0, "weights": "EMA", "step": 4}}\n'
)
_MESSAGES = [
    b'{"worker": 1, "facts": {"recipe.seed": "0", "cluster": "[\\"a:1\\"]"}}',
    b'{"exit_code": 2, "refusal": "worker 1 differs"}',
    b'{"files": {"recipe.yaml": 12}}',
    b'{"leaving": "the disk is full"}',
]
_KEPT = {RECIPE: b"recipe", f"{_FOLDER}/{VARIABLES}": _VARIABLES, f"{_FOLDER}/{STATE}": _CHECKPOINT_STATE}

TARGETS = (
    Target("run-recipe", lambda folder: read_record(open_folder(folder)), RECIPE, lambda: [_run_recipe()]),
    Target("status", lambda folder: read_status(open_folder(folder)), STATUS, lambda: [_STATUS]),
    Target("metrics", _metrics, METRICS, lambda: [_ROW + _ROW.replace(b'"step": 1', b'"step": 2'), b""]),
    Target("diagnosis", lambda folder: read_verdicts(open_folder(folder)), DIAGNOSIS, lambda: [_VERDICT]),
    Target("rollbacks", lambda folder: read_rollbacks(open_folder(folder)), ROLLBACKS, lambda: [_ROLLBACK]),
    Target("skipped", lambda folder: read_skipped(open_folder(folder)), SKIPPED, lambda: [_SKIPPED]),
    Target("scores", lambda folder: read_scores(open_folder(folder)), SCORES, lambda: [_SCORES]),
    Target("dataset-facts", lambda folder: read_dataset_facts(open_folder(folder)), DATASET, lambda: [_FACTS]),
    Target("commit", _checkpoint, f"{_FOLDER}/{COMMIT}", lambda: [_commit()], _KEPT),
    Target("checkpoint-state", _committed, f"{_FOLDER}/{STATE}", lambda: [_CHECKPOINT_STATE], _KEPT),
    Target("safetensors", _committed, f"{_FOLDER}/{VARIABLES}", lambda: [_VARIABLES], _KEPT),
    Target("latents", lambda folder: read_inputs(str(folder / "a.npz"), _LATENT_SIZE), "a.npz", _latents),
    Target("fixed-latents", _fixed, LATENTS, lambda: _latents()[1:2], {RECIPE: _run_recipe()}),
    Target("keras-model", _keras, "model.keras", _keras_seeds),
    Target("messages", _message, "message", lambda: _MESSAGES),
)
