"""Server-sent events: what a peer streams, to a browser or a program that listens."""

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

from flask import Response

from chassis import errors
from services.gateway import problems
from services.gateway.api import convert

_LEAST_SECONDS = 1.0


class Streams:
    """Streams of this process; their number is bounded, since each holds a thread."""

    def __init__(self, most: int, seconds: float, session_seconds: float) -> None:
        """A stream lasts `seconds`, one of a session's no longer than that may be ended unseen."""
        self._places = threading.Semaphore(most)
        self._seconds = seconds
        self._session_seconds = min(seconds, max(session_seconds, _LEAST_SECONDS))

    def answer(
        self,
        call: Callable[..., Iterator[Any]],
        message: Any,
        event: str,
        *,
        by_session: bool = False,
    ) -> Response:
        """Return a response that sends each message of `call` as an `event`, then `end`.

        The stream ends by itself after a while without `end`; the browser then opens the next.
        Raises `ResourceExhausted` when there are too many, and the call's own first failure.
        """
        if not self._places.acquire(blocking=False):
            raise errors.ResourceExhausted(
                "RATE_LIMITED", "too many watchers here; ask again soon", retry_after_seconds=2
            )
        try:
            seconds = self._session_seconds if by_session else self._seconds
            responses = iter(call(message, timeout=seconds))
            first = next(responses, None)
        except BaseException:
            self._places.release()
            raise
        body = self._events(first, responses, event)
        response = Response(body, mimetype="text/event-stream")
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Accel-Buffering"] = "no"
        response.call_on_close(self._places.release)
        return response

    def _events(self, first: Any, rest: Iterator[Any], event: str) -> Iterator[bytes]:
        try:
            yield b"retry: 1000\n\n"
            if first is not None:
                yield _event(event, convert.to_json(first))
            for message in rest:
                yield _event(event, convert.to_json(message))
            yield _event("end", {})
        except errors.DeadlineExceeded:
            return  # this stream's time is over, not what it tells of
        except Exception as failure:
            yield _event("problem", {"reason": problems.of(failure).reason})


def _event(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
