"""The other end of a connection between workers: each tells the other every second that it lives, and hears whether it does."""

import asyncio
from contextlib import suppress

from gan_train.distribution.channel import GONE, Channel
from gan_train.distribution.cluster import Worker
from gan_train.distribution.messages import BEAT

BEAT_SECONDS = 1.0
"""Seconds between two signs of life."""

SILENCE_SECONDS = 15.0
"""Seconds without a sign of life after which a worker is lost. TCP takes up to 7 seconds to go on after 5 without a network."""


class Peer:
    """A worker that is connected with this one. To be made and used in the loop of its connection.

    Args:
        worker: which one it is.
        channel: the connection.

    Attributes:
        worker: which one it is.
        heard: when it was last heard, by the clock of the loop.
    """

    def __init__(self, worker: Worker, channel: Channel) -> None:
        self.worker, self._channel = worker, channel
        self.heard = _now()
        self._beating = asyncio.create_task(self._beat())

    async def send(self, content: bytes) -> None:
        """Send a message. Raises one of `GONE` if the connection is broken."""
        await self._channel.send(content)

    async def receive(self) -> bytes:
        """The next message that is not a mere sign of life.

        Raises:
            TimeoutError: there was no sign of life for `SILENCE_SECONDS`.
            One of the others of `GONE`: the connection is broken.
        """
        receiving = asyncio.create_task(self._receive())
        try:
            asked = _now()
            while not (await asyncio.wait({receiving}, timeout=BEAT_SECONDS))[0]:
                # This process may have stood still, and heard nothing for that reason.
                deaf = max(0.0, _now() - asked - 2 * BEAT_SECONDS)
                self.heard += deaf
                asked = _now()
                if asked - self.heard > SILENCE_SECONDS:
                    raise TimeoutError(f"no sign of life for {SILENCE_SECONDS:g} seconds")
            return receiving.result()
        finally:
            receiving.cancel()

    def close(self) -> None:
        """Close the connection."""
        self._beating.cancel()
        self._channel.close()

    async def _receive(self) -> bytes:
        while True:
            message = await self._channel.receive()
            self.heard = _now()
            if message != BEAT:
                return message

    async def _beat(self) -> None:
        with suppress(*GONE):
            while True:
                await asyncio.sleep(BEAT_SECONDS)
                await self._channel.send(BEAT)


def _now() -> float:
    return asyncio.get_running_loop().time()
