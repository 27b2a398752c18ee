"""Where the processor's time goes, by stage of a message's way through this process.

Measured for a batch, or for one step of a coroutine, never for a message alone; what runs inside
a stage under a name of its own counts there and not twice.
"""

import time
import types
from collections.abc import Callable, Coroutine, Generator, Iterable
from typing import Any, ParamSpec, TypeVar

from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily

NAMES = (
    "chunk",  # reading work messages
    "insert",
    "claim",
    "gates",
    "render",
    "mime",
    "sign",
    "open",  # attempts committed before the wire
    "smtp",
    "smpp",
    "outcome",
    "report",  # what the runs are told, until it is in the outbox
    "relay",  # from the outbox to the broker
)

P = ParamSpec("P")
T = TypeVar("T")

_spent = dict.fromkeys(NAMES, 0.0)
_inside: list[str] = []  # stages entered and not left, the innermost last
_since = 0.0


class spent:
    """Counts the processor time of a block without `await`, `times` over where it is a sample."""

    __slots__ = ("_name", "_times")

    def __init__(self, name: str, times: int = 1) -> None:
        self._name = name
        self._times = times

    def __enter__(self) -> None:
        _enter(self._name)

    def __exit__(self, *_: object) -> None:
        _leave(self._times)


def counted(name: str, function: Callable[P, T]) -> Callable[P, T]:
    """`function`, each call counted."""

    def counting(*args: P.args, **given: P.kwargs) -> T:
        with spent(name):
            return function(*args, **given)

    return counting


async def during(name: str, work: Coroutine[Any, Any, T]) -> T:
    """Awaits `work` and counts the time of its own steps, not that of others while it waits."""
    return await _drive(name, work)


def add(name: str, seconds: float) -> None:
    """Counts processor time that another thread measured."""
    _spent[name] += seconds


def totals() -> dict[str, float]:
    """Seconds so far by stage."""
    return dict(_spent)


@types.coroutine
def _drive(name: str, work: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
    value: Any = None
    error: BaseException | None = None
    try:
        while True:
            _enter(name)
            try:
                waits = work.send(value) if error is None else work.throw(error)
            except StopIteration as end:
                result: T = end.value
                return result
            finally:
                _leave()
            value = error = None
            try:
                value = yield waits
            except GeneratorExit:
                raise
            except BaseException as thrown:
                error = thrown
    finally:
        work.close()


def _enter(name: str) -> None:
    global _since
    now = time.thread_time()
    if _inside:
        _spent[_inside[-1]] += now - _since
    _inside.append(name)
    _since = now


def _leave(times: int = 1) -> None:
    global _since
    now = time.thread_time()
    _spent[_inside.pop()] += (now - _since) * times
    _since = now


class _Collector:
    """Tells Prometheus what was counted."""

    def collect(self) -> Iterable[CounterMetricFamily]:
        family = CounterMetricFamily(
            "mekong_notifier_stage_seconds_total",
            "Processor time by stage of a message's way.",
            labels=["stage"],
        )
        for name, seconds in _spent.items():
            family.add_metric([name], seconds)
        yield family


REGISTRY.register(_Collector())
