"""TCP proxies between any two parts, which can be told to lose, delay, cut or slice what passes.

They live in a thread with an event loop of its own, so that a test that waits does not stop them.
"""

import asyncio
import contextlib
import enum
import socket
import threading
from collections.abc import Collection, Coroutine, Iterable
from dataclasses import dataclass, replace
from typing import Any, Self, TypeVar

from local import ports

T = TypeVar("T")

PIECE = 64 * 1024
LOOK_SECONDS = 0.02
START_SECONDS = 10.0


class Silent(enum.Flag):
    """Which way nothing passes; connections stay, and what was said arrives once it is over."""

    NEITHER = 0
    REQUESTS = enum.auto()
    ANSWERS = enum.auto()
    BOTH = REQUESTS | ANSWERS


@dataclass(frozen=True)
class Weather:
    """How it is between two parts: all is well by default.

    `latency` in seconds each way; `refuses` cuts what is open and all that comes; what passes goes
    in slices of `slice_bytes` (0: as it comes), at most `bytes_per_second` (0: no limit) a way.
    """

    silent: Silent = Silent.NEITHER
    refuses: bool = False
    latency: float = 0.0
    slice_bytes: int = 0
    bytes_per_second: int = 0

    def but(self, **changes: Any) -> "Weather":
        """Return this with changes."""
        return replace(self, **changes)


class Proxy:
    """One listening port before one upstream; `weather` may be replaced at any time."""

    def __init__(self, name: str, upstream: int, avoid: Collection[int] = ()) -> None:
        while (port := ports.free()) in avoid:
            pass
        self.name = name
        self.upstream = upstream
        self.held = 0  # connections and pieces that had to wait for a silence to end
        self.cut = 0  # connections that were ended by `reset`
        self._weather = Weather()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listener = socket.create_server((ports.LOOPBACK, port), backlog=128)
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def port(self) -> int:
        """Where it listens, from the first moment on."""
        return int(self._listener.getsockname()[1])

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"{ports.LOOPBACK}:{self.port}"

    @property
    def weather(self) -> Weather:
        """What it does to what passes."""
        return self._weather

    @weather.setter
    def weather(self, weather: Weather) -> None:
        self._weather = weather
        if weather.refuses:
            self.reset()

    def reset(self) -> None:
        """Cut every connection that is open, as a middlebox that restarts would."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._abort_all)

    async def serve(self) -> None:
        """Serve until cancelled."""
        self._loop = asyncio.get_running_loop()
        server = await asyncio.start_server(self._connected, sock=self._listener, limit=PIECE)
        try:
            await server.serve_forever()
        finally:
            self._abort_all()

    def _abort_all(self) -> None:
        self.cut += len(self._writers) // 2
        for writer in list(self._writers):
            writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        there: asyncio.StreamWriter | None = None
        try:
            await self._passable(Silent.REQUESTS)
            if self._weather.refuses:
                return
            theirs, there = await asyncio.open_connection(ports.LOOPBACK, self.upstream)
            self._writers.add(there)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(reader, there, Silent.REQUESTS))
                both.create_task(self._pump(theirs, writer, Silent.ANSWERS))
        except* (OSError, RuntimeError):
            pass  # either side is gone: the other hears it below
        finally:
            for end in filter(None, (writer, there)):
                self._writers.discard(end)
                end.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Silent
    ) -> None:
        while piece := await reader.read(PIECE):
            step = self._weather.slice_bytes or len(piece)
            for begin in range(0, len(piece), step):
                part = piece[begin : begin + step]
                await self._passable(way)
                if rate := self._weather.bytes_per_second:
                    await asyncio.sleep(len(part) / rate)
                if self._weather.latency:
                    await asyncio.sleep(self._weather.latency)
                writer.write(part)
                await writer.drain()
        await self._passable(way)
        writer.write_eof()

    async def _passable(self, way: Silent) -> None:
        if self._weather.silent & way:
            self.held += 1
        while self._weather.silent & way:  # noqa: ASYNC110 (set from another thread)
            await asyncio.sleep(LOOK_SECONDS)


class Proxies:
    """All proxies of a house, by the names `who>whom`, in one thread."""

    def __init__(self) -> None:
        self._by_name: dict[str, Proxy] = {}
        self._promised: set[int] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._within(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_SECONDS)
        self._loop.close()

    def __getitem__(self, name: str) -> Proxy:
        return self._by_name[name]

    def named(self, who: str, whom: str = "") -> list[Proxy]:
        """Return the proxies that `who` (or anybody) goes through to `whom` (or to anybody).

        A service is all of its replicas, `whom-2` is one of them.
        """
        return [
            it
            for name, it in self._by_name.items()
            if who in ("", name.partition(">")[0])
            and whom in ("", name.partition(">")[2], name.partition(">")[2].partition("-")[0])
        ]

    def avoid(self, promised: Iterable[int]) -> None:
        """Take none of these ports, which others will listen on soon."""
        self._promised.update(promised)

    def add(self, name: str, upstream: int) -> Proxy:
        """Listen for one more, before `upstream`, a port on this machine."""
        proxy = self._by_name[name] = Proxy(name, upstream, self._promised)
        asyncio.run_coroutine_threadsafe(proxy.serve(), self._loop)
        return proxy

    def clear(self) -> None:
        """Let all be well everywhere."""
        for proxy in self._by_name.values():
            proxy.weather = Weather()

    def _within(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(START_SECONDS)

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*others, return_exceptions=True)
