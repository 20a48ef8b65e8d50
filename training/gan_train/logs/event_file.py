"""A TensorBoard event file, written as any other file of a run.

TensorBoard's own writer hands the events to a thread that writes through TensorFlow: where the disk is full, that thread
prints a traceback and the run gets an error of TensorFlow's. Here it is an OSError, at the call that meets it.
"""

import os
import socket
import time
from itertools import count
from pathlib import Path
from typing import Any

_numbers = count()


class EventFile:
    """Creates a new file in a folder; TensorBoard reads all files of a folder as one. Raises OSError."""

    def __init__(self, folder: Path) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.record_writer import RecordWriter

        folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{next(_numbers)}"
        self._records = RecordWriter(open(folder / name, "xb"))  # noqa: SIM115 - closed by close()
        self.add_event(Event(file_version="brain.Event:2"))

    def add_event(self, event: Any) -> None:
        """Append an event, a protobuf message, with the time of now. The operating system has it after the next `flush`."""
        event.wall_time = time.time()
        self._records.write(event.SerializeToString())

    def flush(self) -> None:
        """Hand everything to the operating system."""
        self._records.flush()

    def close(self) -> None:
        """Flush and close."""
        self._records.close()
