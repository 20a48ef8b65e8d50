"""A machine's own settings of Keras, which must not decide what is computed: KERAS_BACKEND and ~/.keras/keras.json.

Keras reads them when it is first imported. Before that they are replaced, with a warning, by those that our networks are made
for. A program that has imported Keras with others already is refused, since they are its own.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gan_core.errors import UsageError
from gan_core.notices import warn
from gan_core.text import short_repr

BACKEND = "tensorflow"

SETTINGS: dict[str, Any] = {"floatx": "float32", "epsilon": 1e-7, "image_data_format": "channels_last"}
"""Keras' own defaults, by their names in keras.json; keras.config.set_NAME sets each."""


def settle_keras() -> list[str]:
    """Make sure that Keras computes with TensorFlow. To be called before TensorFlow is imported.

    Returns:
        Names of the `SETTINGS` that `reset_keras` must set once Keras is imported.

    Raises:
        UsageError: this process has imported Keras with other settings, or Keras cannot read keras.json.
    """
    if "keras" in sys.modules:
        _check_loaded()
        return []
    file, found = _read_file()
    backend = os.environ.get("KERAS_BACKEND") or found.get("backend", BACKEND)
    if backend != BACKEND:
        source = "KERAS_BACKEND" if os.environ.get("KERAS_BACKEND") else f"{file}: backend"
        warn(f"{source} {short_repr(backend)} is not used: ganmill computes with {BACKEND}")
    os.environ["KERAS_BACKEND"] = BACKEND
    others = {name: found[name] for name, value in SETTINGS.items() if found.get(name, value) != value}
    for name, value in others.items():
        warn(f"{file}: {name} {short_repr(value)} is not used: ganmill computes with {SETTINGS[name]}")
    return list(others)


def reset_keras(names: Sequence[str]) -> None:
    """Import Keras and give these settings the values of `SETTINGS`."""
    import keras

    for name in names:
        getattr(keras.config, f"set_{name}")(SETTINGS[name])


def _check_loaded() -> None:
    import keras

    current = {"backend": keras.config.backend()} | {name: getattr(keras.config, name)() for name in SETTINGS}
    for name, value in ({"backend": BACKEND} | SETTINGS).items():
        if current[name] != value:
            remedy = (
                f"set KERAS_BACKEND={BACKEND} before it is" if name == "backend" else f"call keras.config.set_{name}({value!r})"
            )
            raise UsageError(f"Keras is imported in this process with {name} {current[name]!r}, not {value!r}: {remedy}")


def _read_file() -> tuple[Path, dict[str, Any]]:
    """Path and content of keras.json; no content where Keras reads none.

    Raises:
        UsageError: it holds what Keras does not take, on which its import would fail.
    """
    file = Path(os.environ.get("KERAS_HOME") or Path("~/.keras").expanduser(), "keras.json").expanduser()
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return file, {}
    permitted: dict[str, tuple[str, ...]] = {
        "floatx": ("float16", "float32", "float64"),
        "image_data_format": ("channels_last", "channels_first"),
    }
    if not isinstance(content, dict):
        raise UsageError(f"{file}: not a JSON object, which Keras does not take; remove it")
    wrong = [name for name, values in permitted.items() if content.get(name, values[0]) not in values]
    if not isinstance(content.get("epsilon", 0.0), float):
        wrong.append("epsilon")
    if wrong:
        raise UsageError(f"{file}: {wrong[0]} {short_repr(content[wrong[0]])} is no setting that Keras takes; remove it")
    return file, content
