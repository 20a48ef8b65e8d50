"""The memory that several runs take at a time, beside that of the machine."""

from collections.abc import Iterable

import psutil

from gan_core.storage import open_folder
from gan_train.logs.metrics_log import last_rows

_GIGABYTE = 2**30


def memory_words(folders: Iterable[str], jobs: int) -> tuple[str, bool]:
    """A sentence on the memory of runs at a time, and whether the machine has too little of it.

    Args:
        folders: of the runs, of which some may have logged what they take.
        jobs: runs at a time.
    """
    free = psutil.virtual_memory().available / _GIGABYTE
    rows = [rows[-1] for folder in folders if (rows := last_rows(open_folder(folder)))]
    at_a_time = f"{jobs} runs at a time, each a process that holds its own TensorFlow, data and networks"
    if not rows:
        return f"{at_a_time}; {free:.1f} GB of memory are free, and none of these runs has logged yet what it takes", False
    most = max(row["memory.host"] for row in rows) / _GIGABYTE
    words = f"{at_a_time}: up to {most:.1f} GB for one, so {jobs * most:.1f} GB of {free:.1f} GB that are free"
    scarce = jobs * most > free
    return (f"{words}; lower --jobs" if scarce else words), scarce
