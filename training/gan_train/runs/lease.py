"""A lease on a run folder on gs://, which has no locks: one process at a time writes there.

The holder renews the lease every RENEW_SECONDS, and sends nothing when its last renewal is older than that. A renewal replaces
exactly the version before it, so of two processes that believe they hold the lease only one succeeds.

A process that finds a lease polls it POLLS times, every POLL_SECONDS, by its own clock. If the lease changes, its holder is
alive. If not, the holder is dead and the lease is taken over; at once where the holder is known to be a dead process of this
machine.
"""

import os
import socket
import time
import uuid

import psutil
from pydantic import BaseModel, ValidationError

from gan_core.errors import InterruptedRunError, StorageError, UsageError
from gan_core.interruption import Interruption
from gan_core.notices import say
from gan_core.ownership import machine
from gan_core.storage import WORK, CloudFolder, Entry

LEASE = f"{WORK}/lease.json"

RENEW_SECONDS = 20.0
"""Between two renewals."""

POLL_SECONDS, POLLS = 5.0, 18
"""90 seconds together: more than RENEW_SECONDS and the two requests of a small upload (ATTEMPT_SECONDS of uploader.py each), so
that the last upload of a former holder, such as a COMMIT, has arrived before the next holder reads the folder."""

LOST_SECONDS = 600.0
"""A lease that was not renewed for this long, by the clocks of two machines, has no holder any more: the time is longer than a
run waits for a storage that does not answer, and longer than the clocks of machines differ."""

SETTLE_SECONDS = 2.0
"""A request that a process sent just before it was killed may arrive this much later."""


class _Holder(BaseModel, frozen=True):
    """The holder of a lease, as lease.json has it.

    Attributes:
        token: unique to the holder.
        host: name of its machine, for messages.
        pid: of the process, within `machine`.
        machine: identifies one boot of a machine and its process numbers; empty where the system does not tell them.
        renewals: number of renewals so far.
        renewed: time of the last renewal by the holder's clock, in seconds since 1970; None of a version that wrote none.
    """

    token: str
    host: str
    pid: int
    machine: str
    renewals: int = 0
    renewed: float | None = None

    @property
    def is_dead(self) -> bool:
        """Whether the process is known to have ended."""
        if not self.machine or self.machine != machine():
            return False
        return self.pid == os.getpid() or not psutil.pid_exists(self.pid)


class Lease:
    """A lease that this process holds."""

    def __init__(self, run: CloudFolder, holder: _Holder, version: str) -> None:
        self._run, self._holder, self._version = run, holder, version
        self._renewed = time.monotonic()

    def keep(self) -> None:
        """Renew the lease if that is due. Raises StorageError if another process holds it by now."""
        now = time.monotonic()
        if now - self._renewed < RENEW_SECONDS:
            return
        holder = self._holder.model_copy(update={"renewals": self._holder.renewals + 1, "renewed": time.time()})
        version = self._run.replace(LEASE, _content(holder), self._version)
        if version is None:
            raise StorageError(
                f"{self._run.uri}: another process took this run over while this one could not reach the storage; "
                "leave it to that one"
            )
        self._holder, self._version, self._renewed = holder, version, now

    def release(self) -> None:
        """Give the lease back, so that the next process has the folder at once."""
        self._run.remove_version(Entry(LEASE, 0, self._version, None))


def take_lease(run: CloudFolder, interruption: Interruption) -> Lease:
    """Wait until it is certain that no other process trains in the folder, and keep others out.

    Raises:
        UsageError: another process trains in it.
        InterruptedRunError: a signal arrived meanwhile.
        StorageError: the storage refused, such as for a lack of rights.
    """
    token, host = uuid.uuid4().hex, socket.gethostname()
    holder = _Holder(token=token, host=host, pid=os.getpid(), machine=machine(), renewed=time.time())
    version = run.replace(LEASE, _content(holder), None)
    if version is None:
        version = _take_over(run, holder, interruption)
    return Lease(run, holder, version)


def is_lost(run: CloudFolder) -> bool:
    """Whether no process trains a run whose status is "training": its lease is gone, or was not renewed for LOST_SECONDS."""
    try:
        renewed = _read(run, None).renewed
    except StorageError:
        if run.exists(LEASE):
            raise
        return True
    return renewed is not None and time.time() - renewed > LOST_SECONDS


def _take_over(run: CloudFolder, holder: _Holder, interruption: Interruption) -> str:
    found = run.entry(LEASE)
    before = _read(run, found.version)
    if not before.is_dead:
        say(
            f"{run.uri}: another process trained here ({before.host}, process {before.pid}) and did not say that it ended; "
            f"waiting up to {POLLS * POLL_SECONDS:g} seconds to see whether it lives"
        )
        _wait_until_stale(run, found, before, interruption)
    version = run.replace(LEASE, _content(holder), found.version)
    if version is None:
        raise _taken(run, before)
    time.sleep(SETTLE_SECONDS)
    return version


def _wait_until_stale(run: CloudFolder, found: Entry, holder: _Holder, interruption: Interruption) -> None:
    """Return when the lease has not changed for so long that its holder must be dead. Raises as `take_lease`."""
    for _ in range(POLLS):
        time.sleep(POLL_SECONDS)
        if interruption.requested:
            raise InterruptedRunError(
                f"{run.uri}: stopped by {interruption.name} before training began; run the same command again"
            )
        if run.entries(LEASE) != [found]:
            raise _taken(run, holder)


def _taken(run: CloudFolder, holder: _Holder) -> UsageError:
    return UsageError(
        f"{run.uri}: another process trains in this folder ({holder.host}, process {holder.pid}); "
        "wait for it or choose another -o"
    )


def _read(run: CloudFolder, version: str | None) -> _Holder:
    try:
        return _Holder.model_validate_json(run.read(LEASE, version))
    except ValidationError:
        # Another version of this program wrote it: it is polled like the lease of an unknown machine.
        return _Holder(token="", host="unknown host", pid=0, machine="")


def _content(holder: _Holder) -> bytes:
    return holder.model_dump_json().encode()
