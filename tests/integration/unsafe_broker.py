"""A broker that acknowledges before it writes to disk, as it does unless told otherwise."""

import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from local import nats, ports


class Broker(NamedTuple):
    """Where it listens, and where it tells of itself."""

    url: str
    monitor_url: str


@contextmanager
def unsafe_broker(folder: Path) -> Iterator[Broker]:
    """Starts one, which may not answer yet, and ends it."""
    client, monitor = ports.free(), ports.free()
    command = [str(nats.binary()), "-a", "127.0.0.1", "-p", str(client)]
    command += ["-m", str(monitor), "-js", "-sd", str(folder)]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield Broker(f"nats://127.0.0.1:{client}", f"http://127.0.0.1:{monitor}")
    finally:
        server.terminate()
        server.wait()


def page(url: str) -> str:
    """What an address of this machine answers; empty while it does not."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310
            return str(answer.read().decode())
    except OSError:
        return ""
