"""Import TensorFlow without the page of notes it writes to stderr, past every log setting, on each start."""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NOTE = re.compile(r"^(I0000|W0000|WARNING: All log messages|To enable the following)")
_ERROR = re.compile(r"^E0000")


def import_tensorflow() -> None:
    """Import it and let it look for devices. What it says in earnest is still printed.

    Level 3 also hides errors that its graph optimiser reports and recovers from; real ones arrive as exceptions. Set
    TF_CPP_MIN_LOG_LEVEL=0 to see everything.
    """
    if "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _captured_stderr() as lines:
        import tensorflow as tf

        tf.config.list_physical_devices()
    # Without an NVIDIA device the failure to start CUDA is no error.
    has_nvidia = Path("/dev/nvidiactl").exists()
    for line in lines:
        if not _NOTE.match(line) and (has_nvidia or not _ERROR.match(line)):
            print(line, file=sys.stderr)


@contextmanager
def _captured_stderr() -> Iterator[list[str]]:
    """Collect what is written to file descriptor 2, by whatever language; if the block fails, print it."""
    lines: list[str] = []
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as capture:
        os.dup2(capture.fileno(), 2)
        try:
            yield lines
        except BaseException:
            capture.seek(0)
            os.write(saved, capture.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            capture.seek(0)
            lines += capture.read().decode(errors="replace").splitlines()
