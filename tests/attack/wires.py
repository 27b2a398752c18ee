"""Bytes to a port as no client library would send them."""

import select
import socket
import time
from urllib.parse import urlsplit


class Wire:
    """A connection that says what it is told, and nothing of its own."""

    def __init__(self, address: str, seconds: float = 30.0) -> None:
        host, _, port = (urlsplit(address).netloc or address).rpartition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=seconds)

    def say(self, data: bytes) -> bool:
        """Send; False once the other side is gone."""
        try:
            self._socket.sendall(data)
        except OSError:
            return False
        return True

    def answer(self) -> bytes:
        """All that comes until the other side closes, which it has to."""
        heard = b""
        try:
            while piece := self._socket.recv(65_536):
                heard += piece
        except ConnectionError:
            pass
        return heard

    def dribble(self, byte: bytes, *, every: float, most: float) -> float:
        """Say one byte after another until the other side is gone; returns after how long."""
        began = time.monotonic()
        while time.monotonic() - began < most:
            readable, _, _ = select.select([self._socket], [], [], every)
            if readable and not self.hear():
                return time.monotonic() - began
            if not self.say(byte):
                return time.monotonic() - began
        raise AssertionError(f"still listening after {most} seconds")

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def hear(self) -> bytes:
        """What comes next, nothing once the other side is gone."""
        try:
            return self._socket.recv(65_536)
        except ConnectionError:
            return b""


def status(answer: bytes) -> int:
    """The status of an answer, 0 of none."""
    return int(answer[9:12]) if answer.startswith(b"HTTP/1.") else 0
