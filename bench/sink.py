"""Postfix's smtp-sink: a mail server that throws everything away, fast."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from local import ports

BACKLOG = "1000"
START_SECONDS = 10.0


def binary() -> str | None:
    """Return its path, None where Postfix is not installed."""
    return shutil.which(
        "smtp-sink", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/lib/postfix"
    )


@contextmanager
def running(program: str) -> Iterator[str]:
    """Run it on a free port until the block ends; yields its address, `host:port`."""
    address = f"{ports.LOOPBACK}:{ports.free()}"
    # As root it wants to be somebody else, and no pipe to a tool that is not there.
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = subprocess.Popen(
        [program, *user, address, BACKLOG], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(address, process)
        yield address
    finally:
        process.terminate()
        process.wait()


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ports.answers(int(address.rpartition(":")[2])):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("smtp-sink did not start")
        time.sleep(0.05)
