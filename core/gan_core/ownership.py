"""Names of temporary files and folders that tell whose they are, so that nobody removes what a living process writes.

path = folder / own_name()                              # ganmill-8c1f03aa-4711-5d0a9be1c3f2
if is_abandoned(path): ...                              # its process has ended
"""

import hashlib
import os
import re
import socket
import time
import uuid
from pathlib import Path

import psutil

_NAME = re.compile(r"ganmill-([0-9a-f]{8})-([0-9]{1,10})-[0-9a-f]{12}")

_ABANDONED_SECONDS = 86_400
"""A file of another machine, or of an earlier version, counts as abandoned when it was not changed for a day: its process
cannot be asked for, and no single file takes that long to write."""


def machine() -> str:
    """Identifies this boot of this machine and its process numbers, of which each container has its own; empty if unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def own_name() -> str:
    """A new name, of letters, digits and "-", that belongs to this process."""
    return f"ganmill-{_machine_digest()}-{os.getpid()}-{uuid.uuid4().hex[:12]}"


def is_abandoned(path: Path) -> bool:
    """Whether the process that made a temporary file or folder has ended. Raises OSError if it cannot be looked at."""
    ended = process_ended(path.name)
    return time.time() - path.lstat().st_mtime > _ABANDONED_SECONDS if ended is None else ended


def process_ended(name: str) -> bool | None:
    """Whether the process of this machine that a name belongs to has ended; None if it belongs to no such process."""
    found = _NAME.match(name)
    return not _lives(int(found[2])) if found and found[1] == _machine_digest() else None


def _machine_digest() -> str:
    return hashlib.sha256((machine() or socket.gethostname()).encode()).hexdigest()[:8]


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
