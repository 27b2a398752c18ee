"""A child process that is kept running: started, started again when it ends, stopped."""

import asyncio
import contextlib
import json
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import child
from local.home import ROOT

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 10.0
STEADY_SECONDS = 30.0


class NotStarted(Exception):
    """Something the house needs did not start; the text says what and the end of its log."""


@dataclass(frozen=True)
class Command:
    """What to run, and how it ends when we are killed ourselves.

    `changes` is a JSON object of variables laid over the environment at each start, if it is
    there: how a process gets another life than the one before.
    """

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    death_signal: signal.Signals = signal.SIGKILL
    changes: Path | None = None

    def told(self) -> dict[str, str]:
        """The environment of the next start."""
        if self.changes is None or not self.changes.exists():
            return dict(self.environment)
        return {**self.environment, **json.loads(self.changes.read_text())}


class Kept:
    """Runs one command until `stop`; `tell` hears sentences for the terminal."""

    def __init__(
        self,
        command: Command,
        tell: Callable[[str], None],
        changed: Callable[[], None],
        longest_pause: float = LONGEST_PAUSE_SECONDS,
    ) -> None:
        """One that ends again and again is started again after `longest_pause` at the latest."""
        self.command = command
        self.restarts = 0
        self._longest_pause = longest_pause
        self._tell = tell
        self._changed = changed
        self._process: asyncio.subprocess.Process | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """Its process id, or None between two lives."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def start(self) -> None:
        """Start it and watch over it. Raises OSError when it cannot be started at all."""
        self._process = await self._spawn()
        self._keeping = asyncio.create_task(self._keep(), name=f"keep {self.command.name}")
        self._changed()

    async def stop(self, grace_seconds: float) -> None:
        """Ask it to end and wait; after `grace_seconds` it is killed."""
        self._stopping.set()
        if self._keeping is None:
            return
        self.signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(asyncio.shield(self._keeping), grace_seconds)
        except TimeoutError:
            self._tell(f"{self.command.name} did not stop in {grace_seconds:.0f} s: killed")
            self.signal(signal.SIGKILL)
            await self._keeping

    def kill(self) -> None:
        """End it at once and for good."""
        self._stopping.set()
        self.signal(signal.SIGKILL)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal if it runs."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def _keep(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while self._process is not None:
            began = time.monotonic()
            code = await self._process.wait()
            self._changed()
            if self._stopping.is_set():
                return
            if time.monotonic() - began > STEADY_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            how = ended(code)
            self._tell(f"{self.command.name} {how}; starting it again in {pause:.1f} s")
            if await self._stops_within(pause):
                return
            pause = min(2 * pause, self._longest_pause)
            self._process = await self._spawn()
            self.restarts += 1
            self._changed()

    async def _stops_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
        return self._stopping.is_set()

    async def _spawn(self) -> asyncio.subprocess.Process:
        with self.command.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *child.dies_with_parent(self.command.death_signal),
                *self.command.arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.command.told(),
                cwd=ROOT,
                start_new_session=True,  # Ctrl-C is for us: we stop them in order
            )


async def once(
    command: Command,
    told: bytes = b"",
    on_line: Callable[[str], Awaitable[None]] | None = None,
) -> None:
    """Run a command to its end, give it `told` and hear its lines. Raises NotStarted if it fails.

    Its standard error goes to its log.
    """
    with command.log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *child.dies_with_parent(command.death_signal),
            *command.arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            env=dict(command.environment),
            cwd=ROOT,
            start_new_session=True,
        )
    if process.stdin is None or process.stdout is None:
        raise AssertionError("both were asked for")
    process.stdin.write(told)
    process.stdin.close()
    try:
        async for line in process.stdout:
            if on_line is not None:
                await on_line(line.decode().strip())
        code = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
    if code != 0:
        raise NotStarted(f"{command.name} {ended(code)}\n{last_lines(command.log)}")


async def all_of(*work: Coroutine[Any, Any, None]) -> None:
    """Do all at once; when one fails the others are cancelled and waited for."""
    tasks = [asyncio.create_task(it) for it in work]
    try:
        await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


def ended(code: int) -> str:
    """Say how a process ended, from its return code."""
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with code {code}"


def last_lines(log: Path, count: int = 15) -> str:
    """Return the end of a log, for a person who wants to know why."""
    if not log.exists():
        return "(no log)"
    lines = log.read_text(errors="replace").splitlines()[-count:]
    return "\n".join(_readable(line) for line in lines)


def _readable(line: str) -> str:
    """Return a line of a structured log with its traceback unfolded, any other as it is."""
    try:
        entry = json.loads(line)
    except ValueError:
        return line
    if not isinstance(entry, dict):
        return line
    exception = str(entry.pop("exception", "")).rstrip()
    for known in ("time", "service", "instance"):
        entry.pop(known, None)
    said = " ".join([str(entry.pop("level", "")), str(entry.pop("event", ""))])
    rest = "".join(f" {name}={value}" for name, value in entry.items())
    return f"{said}{rest}" + (f"\n{exception}" if exception else "")
