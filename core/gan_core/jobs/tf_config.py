"""The environment variable by which TensorFlow's workers know each other."""

import json
from collections.abc import Sequence


def tf_config(addresses: Sequence[str], index: int | str) -> str:
    """TF_CONFIG of one worker.

    Args:
        addresses: host:port of all workers; the first is the chief.
        index: the number of this worker, or a text that the scheduler replaces by it.
    """
    workers = json.dumps(list(addresses))
    return f'{{"cluster": {{"worker": {workers}}}, "task": {{"type": "worker", "index": {index}}}}}'
