"""Waits for whichever of several things comes first."""

import asyncio
from collections.abc import Awaitable, Sequence


async def first_of(waits: Sequence[Awaitable[object]], within: float) -> None:
    """Returns when one of `waits` has ended, or after so many seconds; cancels the others."""
    tasks = [asyncio.ensure_future(it) for it in waits]
    try:
        await asyncio.wait(tasks, timeout=within, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
