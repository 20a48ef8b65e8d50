"""`run --step-timeout`: a run that hangs in its input, and one that hangs in its storage, end and can be continued."""

import json
from pathlib import Path

import pytest

from tests.support.runs import SMALL, gan_train, gan_train_child

PLANTED = """
import os, threading
import gan_core.watchdog
from gan_core.storage import LocalFolder

hanging = threading.Event()
# However long anything takes on a busy machine, the time is over once the planted hang is reached, and not before.
gan_core.watchdog.wait_for = lambda event, seconds: not hanging.wait()

def nothing_comes():
    hanging.set()
    os.read(os.pipe()[0], 1)

{where}
"""

IN_THE_INPUT = """
import gan_train.data.input as chunks
import gan_train.data.reader as reader
begin, reading = chunks.Chunks.__init__, []
def begin_to_read(self, *rest):
    reading.append(True)
    begin(self, *rest)
chunks.Chunks.__init__ = begin_to_read
load = reader.Reader._load_shard
def load_shard(self, shard):
    if reading:
        nothing_comes()
    return load(self, shard)
reader.Reader._load_shard = load_shard
"""

IN_THE_STORAGE = """
create = LocalFolder.create
def create_checkpoint(self, name):
    if name.startswith("checkpoints/step-00000006/"):
        nothing_comes()
    return create(self, name)
LocalFolder.create = create_checkpoint
"""


@pytest.mark.parametrize(("where", "stack", "step"), [(IN_THE_INPUT, "load_shard", 0), (IN_THE_STORAGE, "save_checkpoint", 6)])
def test_a_run_that_hangs_ends_with_its_stacks(digits: Path, tmp_path: Path, where: str, stack: str, step: int) -> None:
    run = tmp_path / "run"
    command = ("run", "mnist-dcgan", "--data", digits, "-o", run, *SMALL, "--set", "checkpoint_every=3", "--steps", "6")
    ended = gan_train_child(*command, "--step-timeout", "77", prelude=PLANTED.format(where=where))
    assert ended.code == 124, ended.err
    told = (run / "hang.txt").read_text()
    assert told in ended.err
    assert told.startswith(f"{run}: no step for 0:01:17 after step {step}; the stacks of all threads follow")
    # The planted hang, in whatever thread it is, and the main thread in the loop.
    assert "in nothing_comes" in told and f"in {stack}" in told and "in train" in told
    assert gan_train(*command).code == 0
    assert json.loads((run / "status.json").read_text())["state"] == "finished"
