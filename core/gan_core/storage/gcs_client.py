"""Requests to Google Cloud Storage: one client per process, repetition during outages, and errors that say what to do."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from gan_core.errors import StorageError, StorageOutageError, UsageError

if TYPE_CHECKING:
    from google.cloud.storage import Client

TIMEOUT = "GANMILL_STORAGE_TIMEOUT"
"""Environment variable: for how many seconds a request is repeated that fails for a passing reason."""

TRANSFERS = 3
"""How often content is transferred that arrives damaged, before that is reported."""

CONNECTIONS = 16
"""Requests that are sent at the same time. A request mostly waits for the network."""

_DEFAULT_TIMEOUT = 300
_DATE_SECONDS = 10
"""Seconds for the answer whose date is looked at."""

_Result = TypeVar("_Result")
_patience = ContextVar("patience", default=float("inf"))


def client() -> "Client":
    """This process's client, of the emulator that STORAGE_EMULATOR_HOST names or of Google."""
    return _client(os.environ.get("STORAGE_EMULATOR_HOST"), os.getpid())


@cache
def _client(host: str | None, process: int) -> "Client":
    """The client for a host, None for Google. The process is part of the key: connections must not survive a fork."""
    from google.cloud import storage
    from requests.adapters import HTTPAdapter

    # Otherwise the library looks up each bucket in a thread, for which the account would need a further right.
    os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
    created = storage.Client(project=None)
    for scheme in ("http://", "https://"):
        # By default a pool keeps 10 connections, and closes the others after each request with a warning.
        created._http.mount(scheme, HTTPAdapter(pool_maxsize=CONNECTIONS))
    return created


def timeout() -> float:
    """The seconds for which a request is repeated. Raises UsageError if the environment variable is not a number."""
    text = os.environ.get(TIMEOUT) or str(_DEFAULT_TIMEOUT)
    try:
        seconds = float(text)
    except ValueError as error:
        raise UsageError(f"{TIMEOUT}={text}: not a number of seconds") from error
    if not 0 <= seconds < float("inf"):
        raise UsageError(f"{TIMEOUT}={text}: not a number of seconds")
    return seconds


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Limit the repetition of requests in the block, in this thread, to that many seconds where `timeout` allows more."""
    before = _patience.set(seconds)
    try:
        yield
    finally:
        _patience.reset(before)


def _limit() -> float:
    return min(timeout(), _patience.get())


def retry() -> Any:
    """The policy for every request: errors that Google calls transient (429, 5xx, a broken connection) are tried again."""
    from google.cloud.storage.retry import DEFAULT_RETRY

    return DEFAULT_RETRY.with_timeout(_limit()).with_delay(initial=0.2, maximum=15, multiplier=2)


def call(uri: str, request: Callable[[], _Result]) -> _Result:
    """Run a request, and repeat it after transient errors. Raises StorageError that names `uri`.

    Content that arrives with another checksum than the storage says is asked for again, `TRANSFERS` times in all.
    """
    from google.cloud.storage.exceptions import DataCorruption

    with cloud_errors(uri):
        for _ in range(TRANSFERS - 1):
            with suppress(DataCorruption):
                return retry()(request)()
        return retry()(request)()


def answer_date(bucket: str) -> datetime | None:
    """The time at which the storage answered a request just now, by the header Date; None if it has none.

    Any answer will do, also a refusal. Raises what the HTTP client raises if there is none.
    """
    connection = client()._connection
    answer = client()._http.get(f"{connection.API_BASE_URL}/storage/v1/b/{bucket}", timeout=_DATE_SECONDS)
    date = answer.headers.get("Date")
    return parsedate_to_datetime(date) if date else None


@contextmanager
def cloud_errors(uri: str) -> Iterator[None]:
    """Turn what google-cloud-storage raises in the block into a StorageError that says what to do.

    It is a StorageOutageError if the repetitions of a request failed as well.
    """
    from google.api_core import exceptions
    from google.auth.exceptions import GoogleAuthError
    from google.cloud.storage.exceptions import DataCorruption
    from requests.exceptions import RequestException

    try:
        yield
    except (exceptions.GoogleAPIError, GoogleAuthError, DataCorruption, RequestException, ConnectionError) as error:
        kind = StorageOutageError if isinstance(error, exceptions.RetryError) else StorageError
        raise kind(f"{uri}: {_explain(error)}") from error


def _explain(error: Exception) -> str:
    from google.api_core import exceptions
    from google.auth.exceptions import GoogleAuthError
    from google.cloud.storage.exceptions import DataCorruption

    match error:
        case exceptions.RetryError():
            return (
                f"the storage could not be reached for {_limit():g} seconds ({_short(error.cause)}); "
                f"check the network, then run the same command again; {TIMEOUT} sets how long it is tried"
            )
        case exceptions.PreconditionFailed():
            return "changed while it was read; start the command again"
        case exceptions.NotFound() if "bucket does not exist" in str(error):
            return "not found; there is no such bucket: check its name, or create it"
        case exceptions.NotFound():
            return "not found; check the bucket and the path"
        case exceptions.Forbidden():
            return _explain_forbidden(error.message)
        case GoogleAuthError() | exceptions.Unauthorized():
            return (
                "no valid Google credentials; run 'gcloud auth application-default login' or set "
                f"GOOGLE_APPLICATION_CREDENTIALS ({_short(error)})"
            )
        case exceptions.BadRequest() if "requester pays" in str(error):
            return (
                "the bucket lets the reader pay, which is not supported; copy the files into a bucket of your own "
                "with 'gcloud storage cp --billing-project=PROJECT'"
            )
        case DataCorruption():
            return (
                f"damaged on the way, its checksum differs in {TRANSFERS} transfers; check the network, then run the same "
                f"command again ({_short(error)})"
            )
    return f"the storage refused ({_short(error)})"


def _explain_forbidden(message: str) -> str:
    """The right that is missing, as Google names it, and the role that includes it."""
    right = re.search(r"storage\.\w+\.\w+", message)
    if not right:
        return f"the storage refused; Google says: {_short(message)}"
    role = "objectViewer" if right[0].rpartition(".")[2] in ("get", "list") else "objectUser"
    return f"no rights, {right[0]} is missing; grant this account roles/storage.{role} on the bucket ({_short(message)})"


def _short(cause: object) -> str:
    text = " ".join(str(cause).split())
    return text if len(text) <= 300 else f"{text[:300]}..."
