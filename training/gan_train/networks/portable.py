"""Keras files that older versions of Keras 3 read.

Each version of Keras writes more keys into the configuration of a layer, and older versions refuse keys that they do not know,
even where the value is the default that they behave by. `keras_file` leaves such keys out.
"""

import io
import json
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_core.storage import storage_errors

if TYPE_CHECKING:
    import keras

OLDEST_KERAS = "3.6"
"""The oldest version of Keras that is known to read these files. 3.3 takes lists of inputs and outputs in another form."""

_CONFIG = "config.json"
_NEWER_DEFAULTS: dict[str, Any] = {
    "input_axes": None,
    "optional": False,
    "output_axes": None,
    "output_padding": None,
    "quantization_config": None,
    "ragged": False,
    "renorm": False,
    "renorm_clipping": None,
    "renorm_momentum": 0.99,
}
"""Keys that layers and initializers got after `OLDEST_KERAS`, each with the value by which that version behaves."""


def keras_file(network: "keras.Model") -> bytes:
    """The .keras file of a network of Keras' own layers in float32. Raises StorageError if temporary files find no space."""
    with tempfile.TemporaryDirectory() as local:
        path = Path(local) / "network.keras"
        with storage_errors(path):
            network.save(path)
        return portable(path.read_bytes())


def portable(content: bytes) -> bytes:
    """A .keras file that `OLDEST_KERAS` reads, from one of this version of Keras; the same bytes if it needs no change."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {member.filename: archive.read(member) for member in archive.infolist()}
    config = json.loads(members[_CONFIG])
    older = _older(config)
    if older == config:
        return content
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, data in (members | {_CONFIG: json.dumps(older).encode()}).items():
            archive.writestr(name, data)
    return written.getvalue()


def _older(value: Any) -> Any:
    """A part of a configuration without the keys in `_NEWER_DEFAULTS`."""
    if isinstance(value, list):
        return [_older(part) for part in value]
    if not isinstance(value, dict):
        return value
    return {key: _older(part) for key, part in value.items() if not (key in _NEWER_DEFAULTS and part == _NEWER_DEFAULTS[key])}
