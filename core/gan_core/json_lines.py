"""Messages on stderr as JSON, one object for each line: `--log-format json`.

{"time": "2026-11-29T02:00:00.123Z", "level": "warning", "program": "gan-train", "message": "...", "fields": {}}
"""

import io
import json
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TextIO

from gan_core.names import printable_json

Fields = Mapping[str, float | str]
"""Numbers and words of a message, by name."""

_PREFIXES = {"error: ": "error", "warning: ": "warning"}


class JsonStream(io.TextIOBase):
    """A stream that writes each line of text as a JSON object, whoever wrote it, and lines that are JSON already as they are.

    Args:
        out: gets the objects.
        program: the name in each of them.
    """

    def __init__(self, out: TextIO, program: str) -> None:
        self._out, self._program = out, program
        self._pending, self._lock = "", threading.Lock()

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        return self._out.fileno()

    def line(self, level: str, message: str, fields: Fields) -> str:
        """The object for a message, as one line without its end."""
        time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        document = {"time": time, "level": level, "program": self._program, "message": message, "fields": dict(fields)}
        return printable_json(json.dumps(document, ensure_ascii=False))

    def write(self, text: str, /) -> int:
        with self._lock:
            *lines, self._pending = (self._pending + text).split("\n")
            for one in lines:
                self._write_line(one)
        return len(text)

    def flush(self) -> None:
        self._out.flush()

    def finish(self) -> None:
        """Write what stands after the last end of a line."""
        with self._lock:
            self._write_line(self._pending)
            self._pending = ""

    def _write_line(self, text: str) -> None:
        if not text.strip():
            return
        if not text.startswith('{"time": '):
            level = next((level for prefix, level in _PREFIXES.items() if text.lower().startswith(prefix)), "info")
            message = text if level == "info" else text.partition(": ")[2]
            text = self.line(level, message, {})
        self._out.write(text + "\n")
        self._out.flush()


@contextmanager
def json_messages(program: str) -> Iterator[None]:
    """Write all that Python writes to stderr during the block as JSON."""
    before = sys.stderr
    stream = JsonStream(before, program)
    sys.stderr = stream
    try:
        yield
    finally:
        stream.finish()
        sys.stderr = before
