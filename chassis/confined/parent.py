"""Starts a child a job and awaits its answer."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from chassis.errors import Unavailable

_AT_ONCE = 2
_ENDED = "grows too large or runs for too long"


class Overgrown(Exception):
    """The job took more memory or time than it may; the text is the reason, for a person."""


class Confined:
    """Children of one module, two at a time so that jobs cannot take the whole machine."""

    def __init__(self, module: str, peer: str, wall_seconds: float) -> None:
        """`module` calls `child.main`; `peer` names it to callers when it cannot answer.

        A child's processor time is bounded by itself; `wall_seconds`, well above, pass only on a
        busy machine.
        """
        self._module = module
        self._peer = peer
        self._wall_seconds = wall_seconds
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def answer(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer to a job.

        Raises `Overgrown`, or `Unavailable` PEER_UNAVAILABLE when there is none for another reason.
        """
        async with self._turns:
            ended = await self._run(json.dumps(job).encode())
        if ended is None or ended[0] > 0:
            raise Unavailable("PEER_UNAVAILABLE", "nothing can be rendered now", peer=self._peer)
        if ended[0] < 0:
            raise Overgrown(_ENDED)
        answer: dict[str, Any] = json.loads(ended[1])
        if "overgrown" in answer:
            raise Overgrown(answer["overgrown"])
        return answer

    async def _run(self, job: bytes) -> tuple[int, bytes] | None:
        """Return the child's exit code (negative: a signal) and output; None if it took too long.

        It is not the event loop's child: uvloop runs the handlers that gRPC has for a fork, in
        which children die now and then, and that would look like a job that grows too large.
        """
        child = subprocess.Popen(  # noqa: ASYNC220 (it returns as soon as the child was made)
            [sys.executable, "-m", self._module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # Nothing of this process's environment: it holds secrets.
            env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "LANG": "C.UTF-8"},
        )
        talking = asyncio.ensure_future(asyncio.to_thread(child.communicate, job))
        try:
            async with asyncio.timeout(self._wall_seconds):
                output, _ = await asyncio.shield(talking)
        except TimeoutError:
            return None
        finally:
            if child.poll() is None:
                child.kill()
            await asyncio.gather(talking, return_exceptions=True)
        return child.returncode, output
