"""Waiting for the processes of a house until every one says itself that it is ready."""

import asyncio
import contextlib
import time
from collections.abc import Mapping

import aiohttp

from local.process import Kept, NotStarted, all_of, last_lines

HOPELESS_RESTARTS = 3  # while starting: a service that cannot live will not learn it


async def until(pages: Mapping[str, str], kept: Mapping[str, Kept], *, within: float) -> None:
    """Wait until the page of each process answers 200.

    Raises `NotStarted`, with the end of its log, for one that does not within so many seconds.
    """
    deadline = time.monotonic() + within
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as http:
        await all_of(*(_one(http, page, kept[name], deadline) for name, page in pages.items()))


async def _one(http: aiohttp.ClientSession, page: str, kept: Kept, deadline: float) -> None:
    answer = "no answer"
    while True:
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
            async with http.get(page) as response:
                if response.status == 200:
                    return
                answer = (await response.text()).strip()
        if kept.restarts >= HOPELESS_RESTARTS or time.monotonic() > deadline:
            end = last_lines(kept.command.log)
            raise NotStarted(f"{kept.command.name} is not ready: {answer}\n{end}")
        await asyncio.sleep(0.1)
