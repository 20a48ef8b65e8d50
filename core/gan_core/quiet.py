"""Imports TensorFlow without the messages that it writes to stderr where nothing is wrong, whatever the log settings are."""

import logging
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gan_core.keras_settings import reset_keras, settle_keras

_NOTE = re.compile(r"^(I0000|W0000|WARNING: All log messages|To enable the following)")
_ERROR = re.compile(r"^E0000")
_RETRACING = "triggered tf.function retracing"


def import_tensorflow() -> None:
    """Import TensorFlow and let it look for devices. Only messages that are not known to be harmless are printed.

    Level 3 also hides errors that its graph optimiser reports and recovers from; real ones arrive as exceptions. Set
    TF_CPP_MIN_LOG_LEVEL=0 to see everything. Advice on functions that are traced often is dropped: each training and each
    translation of a process traces a function of its own.

    Raises:
        UsageError: as `settle_keras` says.
    """
    logging.getLogger("tensorflow").addFilter(_is_no_advice_on_retracing)
    replaced = settle_keras()
    if "tensorflow" in sys.modules and not replaced:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _captured_stderr() as lines:
        import tensorflow as tf

        tf.config.list_physical_devices()
        if replaced:
            reset_keras(replaced)
    # Without an NVIDIA device the failure to start CUDA is no error.
    has_nvidia = Path("/dev/nvidiactl").exists()
    for line in lines:
        if not _NOTE.match(line) and (has_nvidia or not _ERROR.match(line)):
            print(line, file=sys.stderr)


def _is_no_advice_on_retracing(record: logging.LogRecord) -> bool:
    return _RETRACING not in record.getMessage()


@contextmanager
def _captured_stderr() -> Iterator[list[str]]:
    """Collect the lines that Python or C code writes to file descriptor 2 during the block; print them if the block fails."""
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
