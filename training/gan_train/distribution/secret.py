"""The secret that the workers of one run share, by which each knows that the others are no strangers."""

from collections.abc import Mapping
from ipaddress import ip_address

from gan_core.errors import UnusableInputError, UsageError
from gan_core.jobs.job import SECRET, SECRET_FILE
from gan_core.storage import open_folder
from gan_train.distribution.cluster import Cluster

_FEWEST_BYTES = 16
"""The shortest secret: whoever listens to the network could find a shorter one by trying."""

_MOST_BYTES = 4096

_HOW = (
    f"give all workers the same {SECRET}, such as what 'openssl rand -hex 32' prints, or {SECRET_FILE}; "
    "see docs/guides/several-hosts.md"
)


def read_secret(cluster: Cluster, environment: Mapping[str, str]) -> bytes:
    """The secret of a cluster, without white space around it; empty if none is given and all workers are on this machine.

    Args:
        cluster: the workers.
        environment: environment variables, of which `SECRET` and `SECRET_FILE` are read.

    Raises:
        UsageError: workers are on several machines and there is no secret; or it is too short or too long.
        StorageError: its file cannot be read.
    """
    given, file = environment.get(SECRET, "").strip(), environment.get(SECRET_FILE, "").strip()
    if given and file:
        raise UsageError(f"{SECRET} and {SECRET_FILE} are both set; keep one of them")
    if not (given or file):
        away = next((worker for worker in cluster.workers if not _on_loopback(worker.host)), None)
        if away:
            raise UsageError(f"{away} is reached by a network, where anybody could take its place: {_HOW}")
        return b""
    secret = _content(file) if file else given.encode()
    if not _FEWEST_BYTES <= len(secret) <= _MOST_BYTES:
        raise UsageError(
            f"{SECRET_FILE if file else SECRET}: a secret has {_FEWEST_BYTES} to {_MOST_BYTES} bytes, not {len(secret)}; {_HOW}"
        )
    return secret


def _content(file: str) -> bytes:
    folder, _, name = file.rpartition("/")
    try:
        return open_folder(folder or ("/" if file.startswith("/") else ".")).read(name, limit=_MOST_BYTES + 2).strip()
    except UnusableInputError as error:
        raise UsageError(f"{SECRET_FILE}: {file} is larger than a secret can be ({_MOST_BYTES} bytes); {_HOW}") from error


def _on_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
