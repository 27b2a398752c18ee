"""How long a client may take to say and to hear something, since each holds a thread meanwhile.

A proxy in front that takes requests in whole does more; this keeps few slow clients from taking all
threads where there is none, or where it passes bodies on as they come.
"""

import errno
import time
from collections.abc import Callable
from typing import Any

LEAST_BYTES_A_SECOND = 8 * 1024
"""A body that comes slower than this is cut off."""
LINGER_SECONDS = 0.2
"""How long an answer that ends its connection is given to arrive."""

Clock = Callable[[], float]


class Connection:
    """A client's socket, whose other side seems to be gone once it was too slow.

    What is read ends like a connection that was closed, so that a request that is not whole is
    dropped without an answer, and a body that stays away is one that was broken off. Only the time
    that is spent waiting counts.
    """

    def __init__(
        self,
        sock: Any,
        *,
        receive_seconds: float,
        send_seconds: float,
        clock: Clock = time.monotonic,
    ) -> None:
        self._sock = sock
        self._receive_seconds = receive_seconds
        self._send_seconds = send_seconds
        self._clock = clock
        self._waited = 0.0
        self._patience = receive_seconds
        self._for_size = 0.0
        self._given_up = False

    def __getattr__(self, name: str) -> Any:
        """Return what the socket has, for all that is not about time."""
        return getattr(self._sock, name)

    def expect_head(self) -> None:
        """Count anew: a request begins."""
        self._waited, self._patience, self._for_size = 0.0, self._receive_seconds, 0.0

    def expect_body(self) -> None:
        """Count anew: what comes now may be large, and each byte allows for more time."""
        self._waited, self._for_size = 0.0, 1 / LEAST_BYTES_A_SECOND

    def setblocking(self, blocking: bool) -> None:
        """Wait for as long as a client may take to read, or not at all; once closed, nothing."""
        if self._sock.fileno() >= 0:
            self._sock.settimeout(self._send_seconds if blocking else 0)

    def shutdown(self, how: int) -> None:
        """Say goodbye; what still comes is waited for a moment only."""
        self._waited, self._patience, self._for_size = 0.0, LINGER_SECONDS, 0.0
        self._sock.shutdown(how)

    def recv(self, size: int) -> bytes:
        """Return what has come, and nothing ever once it took too long.

        Raises `TimeoutError` where the caller has set a shorter limit.
        """
        left = self._patience - self._waited
        if self._given_up or left <= 0:
            self._given_up = True
            return b""
        before = self._sock.gettimeout()
        began = self._clock()
        self._sock.settimeout(left if before is None else min(before, left))
        try:
            data: bytes = self._sock.recv(size)
        except TimeoutError:
            if before is not None and before < left:
                raise
            self._given_up = True
            return b""
        finally:
            self._waited += self._clock() - began
            self._sock.settimeout(before)
        self._patience += len(data) * self._for_size
        return data

    def sendall(self, data: Any) -> None:
        """Send all of it; raises `BrokenPipeError` when the other side does not read."""
        try:
            self._sock.sendall(data)
        except TimeoutError:
            raise _gone() from None

    def sendfile(self, *given: Any, **named: Any) -> int:
        """Send a file as `sendall` sends bytes."""
        try:
            sent: int = self._sock.sendfile(*given, **named)
        except TimeoutError:
            raise _gone() from None
        return sent


def _gone() -> BrokenPipeError:
    return BrokenPipeError(errno.EPIPE, "the other side does not read")
