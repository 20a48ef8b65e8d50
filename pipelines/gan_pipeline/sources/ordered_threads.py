"""`map` by several threads: results in the order of the inputs, with a bound on what is under way at once."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_In = TypeVar("_In")
_Out = TypeVar("_Out")

_AHEAD = 2
"""How many results each thread may be ahead of the one that is wanted next."""


def map_in_order(
    function: Callable[[_In], _Out],
    values: Iterable[_In],
    threads: int,
    weight: Callable[[_In], int] = lambda value: 0,
    most: int = 0,
) -> Iterator[_Out]:
    """Call a function for every value, and give the results in the order of the values.

    Args:
        function: may be called from several threads.
        values: taken from by the caller's thread alone, one after the other.
        threads: how many calls go on at once; 1 calls in the caller's thread.
        weight: how much of `most` a value takes from the start of its call until its result has been given.
        most: the sum of the weights under way; a value that is heavier waits until it is alone. 0 sets no bound.
    """
    if threads == 1:
        yield from map(function, values)
        return
    pool, waiting = ThreadPoolExecutor(threads, thread_name_prefix="image-reader"), deque[tuple[Future[_Out], int]]()
    under_way = 0
    try:
        for value in values:
            heavy = weight(value)
            while waiting and (len(waiting) > threads * _AHEAD or (most and under_way + heavy > most)):
                future, lighter = waiting.popleft()
                yield future.result()
                under_way -= lighter
            waiting.append((pool.submit(function, value), heavy))
            under_way += heavy
        while waiting:
            yield waiting.popleft()[0].result()
    finally:
        pool.shutdown(cancel_futures=True)
