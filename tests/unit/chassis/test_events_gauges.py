"""The gauges of a durable stop being measured when the process stops."""

import asyncio
from types import SimpleNamespace
from typing import Any

from nats.js.errors import NotFoundError

from chassis.events import gauges


class Late:
    """A broker that answers just as the asking is cancelled: Python 3.11's `wait_for` returns."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.js = SimpleNamespace(consumer_info=self._answer, stream_info=self._answer)

    async def connected(self) -> None:
        """It is."""

    async def _answer(self, *_: object, **__: object) -> object:
        self.asked.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise NotFoundError from None


class TestWatching:
    async def test_it_ends_although_an_answer_comes_just_then(self) -> None:
        broker: Any = Late()
        watching = asyncio.create_task(gauges.watch(broker, "S", "d"))
        await broker.asked.wait()

        watching.cancel()
        done, _ = await asyncio.wait([watching], timeout=5)

        assert done
        assert watching.cancelled()
