"""The open sources of this process: one for each job, however many threads and copies of the job's function work on it.

Beam makes a copy of the function for each thread, and Dask for each piece of work. A source of a million files takes a
gigabyte and a minute to list, so that it must not be opened by each of them.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gan_pipeline.sources.base import Source

_lock = threading.Lock()
_given: dict[str, Source] = {}
_opened: dict[str, Source] = {}
"""The source of the newest job that opened one in this process. It stays for the next piece of work of that job."""


@contextmanager
def given(job: str, source: Source) -> Iterator[None]:
    """During the block, workers inside this process take this source for the job instead of opening it again."""
    with _lock:
        _given[job] = source
    try:
        yield
    finally:
        with _lock:
            del _given[job]


def source_of(job: str, open_source: Callable[[], Source]) -> Source:
    """The source of a job in this process; opens it if no other thread has. Raises what `open_source` raises."""
    with _lock:
        found = _given.get(job) or _opened.get(job)
        if found is None:
            # The source of the job before is let go first: both may not fit into memory.
            _opened.clear()
            found = _opened[job] = open_source()
        return found
