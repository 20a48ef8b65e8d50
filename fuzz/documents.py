"""Targets: the readers of documents that any command shares."""

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from fuzz.harness import Target
from gan_core.documents import read_json, read_json_lines, read_yaml
from gan_core.storage import open_folder
from gan_train.recipe.document import load_recipe

_ANY: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])
_NUMBERS: TypeAdapter[dict[str, int | float]] = TypeAdapter(dict[str, int | float])


def _json(folder: Path) -> object:
    return read_json(open_folder(folder), "a.json", _ANY, "remove it")


def _json_lines(folder: Path) -> object:
    return list(read_json_lines(open_folder(folder), "a.jsonl", _NUMBERS, "remove the line", cut_end=True))


def _yaml(folder: Path) -> object:
    return read_yaml(open_folder(folder), "a.yaml", "remove it")


def _recipe(folder: Path) -> object:
    return load_recipe(str(folder / "mine.yaml"), [], short=True)


def _json_seeds() -> list[bytes]:
    return [b'{"a": [1, 2.5, null, true, "x\\u2028"], "b": {"c": -1e300}}', b"{}"]


def _yaml_seeds() -> list[bytes]:
    return [b"a: &x [1, 2.5, 2020-01-01]\nb: {c: *x, d: !!str 5}\n---\n- ~\n", b'"\\x41": |\n  text\n']


def _recipe_seeds() -> list[bytes]:
    return [
        b"base: mnist-gan\nsteps: 10\nbatch_size: 8\n",
        b"base: mnist-dcgan\ngenerator:\n  batch_norm: {momentum: 0.9}\nshort: {steps: 3}\n",
        b"base: maps-pix2pix\nseed: 3\n",
    ]


TARGETS = (
    Target("json", _json, "a.json", _json_seeds),
    Target("json-lines", _json_lines, "a.jsonl", lambda: [b'{"step": 1, "loss": 0.5}\n{"step": 2}\n', b'{"a": 1}\n{"cut']),
    Target("yaml", _yaml, "a.yaml", _yaml_seeds),
    Target("recipe", _recipe, "mine.yaml", _recipe_seeds),
)
