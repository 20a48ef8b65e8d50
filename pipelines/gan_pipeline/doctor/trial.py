"""The check of the preparation itself: some of the packaged digits, prepared by Beam in this process and verified."""

import tempfile
import time
from pathlib import Path

from gan_core.doctor.check import Result
from gan_core.errors import DataError
from gan_core.notices import hidden
from gan_core.storage import open_folder

_DIGITS = 20


def check_preparation() -> Result:
    """Prepare some packaged digits in a temporary folder, and verify them. Raises GanmillError if that fails."""
    from gan_pipeline.preparing.lean_beam import import_lean_beam

    import_lean_beam()
    from gan_pipeline.dataset.verify import verify
    from gan_pipeline.preparing.prepare import prepare_folder
    from gan_pipeline.preparing.request import checked_options
    from gan_pipeline.preparing.runners import Execution

    options = checked_options("mnist", "sample", None, None, {"limit": _DIGITS, "shards": 1})
    with hidden(), tempfile.TemporaryDirectory() as parent:
        out, began = str(Path(parent) / "digits"), time.monotonic()
        prepare_folder(out, options, Execution(), max_failure_rate=0)
        _, faults = verify(open_folder(out), deep=True)
        seconds = time.monotonic() - began
    if faults:
        raise DataError(f"{faults[0]}; this machine does not write what it should: look at its disk and memory")
    return Result("ok", f"{_DIGITS} packaged digits prepared and verified in {seconds:.1f} seconds")
