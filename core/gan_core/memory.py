"""The memory of this machine or container, and what of it is free."""

from pathlib import Path

import psutil

_GROUP = Path("/sys/fs/cgroup")
"""Where Linux tells the limit of a container: memory.max, in bytes or "max", beyond which it ends a process without a word."""


def memory_bytes() -> int:
    """The bytes of memory that this process can have at most."""
    total: int = psutil.virtual_memory().total
    limit = _read("memory.max")
    return total if limit is None else min(total, limit)


def free_bytes() -> int:
    """The bytes of memory that are free for this process, within the limit of its container."""
    available: int = psutil.virtual_memory().available
    limit, used = _read("memory.max"), _read("memory.current")
    return available if limit is None or used is None else min(available, max(0, limit - used))


def _read(name: str) -> int | None:
    """The number in a file of the control group; None if there is no such file, or no limit."""
    text = (_GROUP / name).read_text().strip() if (_GROUP / name).is_file() else ""
    return int(text) if text.isdecimal() else None
