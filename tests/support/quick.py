"""The quick set: tests marked `quick`, which import no TensorFlow, not in this process and not in a child of it.

`pytest -m quick` (part of `make check`) reads no other test file, and puts a `tensorflow` that cannot be imported first
on the path, so that a test which needs it fails and says why.
"""

import os
import sys
from pathlib import Path

import pytest

_BLOCKED = str(Path(__file__).parent / "no_tensorflow")


def quick_only(config: pytest.Config) -> bool:
    """Whether this session was asked for the quick set alone."""
    return bool(config.option.markexpr == "quick")


def block_tensorflow() -> None:
    """Make every import of TensorFlow fail, in this process and in its children."""
    sys.path.insert(0, _BLOCKED)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [_BLOCKED, os.environ.get("PYTHONPATH")]))


def is_other_test_file(path: Path) -> bool:
    """Whether a path is a test file in which no test is marked quick."""
    return path.name.startswith("test_") and b"pytest.mark.quick" not in path.read_bytes()
