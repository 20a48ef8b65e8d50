"""A connection of two workers, each of which has proved to the other that it has the secret of the cluster.

    chief to worker   "ganmill 1" and a new line, then a nonce
    worker to chief   a nonce and a proof
    chief to worker   byte 1 and a proof, or byte 0 if that of the worker is wrong

A nonce is 32 random bytes. A proof is the HMAC-SHA256, under the secret, of who speaks and of both nonces, so that one that was
overheard is worth nothing in another connection. Nothing else is read before the proofs were compared.

Then both send messages: the length in 4 bytes, the content, and an HMAC-SHA256 under a key of this connection of who speaks,
the number of the message and its content. So none can be forged, changed, left out or repeated. Nothing is encrypted.
"""

import asyncio
import hmac
import secrets
from dataclasses import dataclass, field

from gan_core.errors import GanmillError, UsageError
from gan_core.jobs.job import SECRET, SECRET_FILE

_VERSION = b"ganmill 1\n"
"""The first bytes of a chief. The number is that of this protocol."""

_NONCE = 32
"""Bytes of a nonce."""

_MAC = 32
"""Bytes of an HMAC-SHA256."""

_LENGTH = 4
"""Bytes of the length of a message."""

_ACCEPTED, _REFUSED = b"\x01", b"\x00"

MESSAGE_BYTES = 4 << 20
"""The longest message that is sent or read, in bytes."""

HANDSHAKE_SECONDS = 5.0
"""Seconds from the beginning of a connection to its second proof."""

GONE = (OSError, EOFError, ValueError, TimeoutError)
"""Errors of a connection that is broken, silent, or not of this protocol."""


class WrongSecretError(GanmillError):
    """A worker connected that does not have the secret of this chief."""


@dataclass
class Channel:
    """A connection after both proofs. Every method raises one of `GONE` when the other side is gone or sends anything else.

    Attributes:
        reader: what the other side sends.
        writer: to the other side.
        key: of this connection, known to both sides alone.
        own: who speaks here, "chief" or "worker".
        other: who speaks at the other side.
        sent: number of messages sent.
        received: number of messages received.
    """

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    key: bytes = field(repr=False)
    own: bytes
    other: bytes
    sent: int = 0
    received: int = 0

    async def send(self, content: bytes) -> None:
        """Send one message.

        Raises:
            ValueError: it is longer than `MESSAGE_BYTES`.
        """
        if len(content) > MESSAGE_BYTES:
            raise ValueError(f"a message of {len(content)} bytes")
        code = _code(self.key, self.own, self.sent.to_bytes(8, "big"), content)
        self.sent += 1
        self.writer.write(len(content).to_bytes(_LENGTH, "big") + content + code)
        await self.writer.drain()

    async def receive(self, limit: int = MESSAGE_BYTES) -> bytes:
        """The next message, of at most `limit` bytes."""
        length = int.from_bytes(await self.reader.readexactly(_LENGTH), "big")
        if length > limit:
            raise ValueError(f"a message of {length} bytes")
        content = await self.reader.readexactly(length)
        expected = _code(self.key, self.other, self.received.to_bytes(8, "big"), content)
        if not hmac.compare_digest(await self.reader.readexactly(_MAC), expected):
            raise ValueError("a message that the other side did not send")
        self.received += 1
        return content

    def close(self) -> None:
        """Close the connection."""
        self.writer.close()


async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, secret: bytes) -> Channel:
    """The channel to a worker that has just connected to this chief.

    Raises:
        WrongSecretError: the worker does not have the secret.
        One of `GONE`: it is no worker, or too slow.
    """
    async with asyncio.timeout(HANDSHAKE_SECONDS):
        mine = secrets.token_bytes(_NONCE)
        writer.write(_VERSION + mine)
        await writer.drain()
        answer = await reader.readexactly(_NONCE + _MAC)
        theirs, proof = answer[:_NONCE], answer[_NONCE:]
        if not hmac.compare_digest(proof, _code(secret, b"worker", mine, theirs)):
            writer.write(_REFUSED)
            await writer.drain()
            raise WrongSecretError("another secret")
        writer.write(_ACCEPTED + _code(secret, b"chief", mine, theirs))
        await writer.drain()
    return Channel(reader, writer, _code(secret, b"key", mine, theirs), own=b"chief", other=b"worker")


async def connect(host: str, port: int, secret: bytes) -> Channel:
    """The channel to the chief at an address.

    Raises:
        UsageError: a chief listens there that has another secret, or another version of this program.
        One of `GONE`: nobody listens there, or something else than a chief.
    """
    async with asyncio.timeout(HANDSHAKE_SECONDS):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            theirs = await _greeting(reader, f"{host}:{port}")
            mine = secrets.token_bytes(_NONCE)
            writer.write(mine + _code(secret, b"worker", theirs, mine))
            await writer.drain()
            accepted = await reader.readexactly(1) == _ACCEPTED
            if not accepted or not hmac.compare_digest(await reader.readexactly(_MAC), _code(secret, b"chief", theirs, mine)):
                raise UsageError(
                    f"the chief at {host}:{port} has another secret than this worker; give all workers the same {SECRET} "
                    f"or {SECRET_FILE}"
                )
        except BaseException:
            writer.close()
            raise
    return Channel(reader, writer, _code(secret, b"key", theirs, mine), own=b"worker", other=b"chief")


async def _greeting(reader: asyncio.StreamReader, where: str) -> bytes:
    """The nonce of a chief. Raises ValueError if something else speaks, and UsageError for another version."""
    first = await reader.readexactly(len(_VERSION))
    if first != _VERSION:
        if first.startswith(_VERSION[:-2]):
            raise UsageError(f"the chief at {where} has another version of ganmill; install the same version on all machines")
        raise ValueError("not a chief")
    return await reader.readexactly(_NONCE)


def _code(key: bytes, *parts: bytes) -> bytes:
    """HMAC-SHA256 of parts, each with its length before it, so that no two lists of parts have the same code."""
    return hmac.digest(key, b"".join(len(part).to_bytes(8, "big") + part for part in parts), "sha256")
