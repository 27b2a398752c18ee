"""One batch on its way to the notifier: what each came to, and what is tried again."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import grpc
import structlog

from chassis import errors
from services.interactions import metrics
from services.interactions.domain.deliveries import News

# Whatever a peer answers to the whole of a batch says nothing about one of it.
_AWAY = (errors.Error, grpc.aio.AioRpcError, OSError)
K = TypeVar("K")

log = structlog.get_logger(__name__)


async def over(
    keys: Sequence[K],
    work: Callable[[dict[K, News]], Awaitable[None]],
    postpone: Callable[[Sequence[K]], Awaitable[None]],
) -> dict[K, News]:
    """Returns what `work` adds as soon as it is known; puts off the rest while a peer is away."""
    found: dict[K, News] = {}
    try:
        await work(found)
    except _AWAY as away:
        log.warning("hand_over_postponed", error=type(away).__name__, count=len(keys))
        left = [it for it in keys if it not in found]
        metrics.postponed.inc(len(left))
        await postpone(left)
    return found
