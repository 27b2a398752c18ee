"""Postfix's smtp-sink: a mail server that throws everything away, fast, and counts."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import jobs
from local import ports
from local.running import House, house

BACKLOG = "1000"
START_SECONDS = 10.0
# It writes this line, of up to 40 bytes, at every mail, QUIT and end of a session.
_LINE = 64
_MAILS = re.compile(rb"mesg=\s*(\d+)")


@dataclass(frozen=True)
class Sink:
    """A running one: where it is, its process, and where it counts."""

    address: str
    pid: int
    counts: Path

    def mails(self) -> int:
        """Return how many mails it has taken."""
        with self.counts.open("rb") as lines:
            lines.seek(max(0, self.counts.stat().st_size - _LINE))
            found = _MAILS.findall(lines.read())
        return int(found[-1]) if found else 0


@contextmanager
def house_with_sink(folder: Path, *options: str) -> Iterator[tuple[House, Sink]]:
    """Run a house in a new folder that sends its mails into a sink, until the block ends.

    `options` are those of `python -m local`. Raises `jobs.NotMeasured` without Postfix.
    """
    program = shutil.which(
        "smtp-sink", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/lib/postfix"
    )
    if program is None:
        raise jobs.NotMeasured("smtp-sink is not installed")
    folder.mkdir(exist_ok=True)
    with (
        _running(program, folder / "sink.counts") as mails,
        house(
            folder / "house", f"--set=notifier.smtp_url=smtp://{mails.address}", *options
        ) as running,
    ):
        yield running, mails


@contextmanager
def _running(program: str, counts: Path) -> Iterator[Sink]:
    address = f"{ports.LOOPBACK}:{ports.free()}"
    # As root it wants to be somebody else, and no pipe to a tool that is not there.
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    with counts.open("wb") as out:
        process = subprocess.Popen(
            [program, "-c", *user, address, BACKLOG], stdout=out, stderr=subprocess.DEVNULL
        )
    try:
        _wait(address, process)
        yield Sink(address, process.pid, counts)
    finally:
        process.terminate()
        process.wait()


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ports.answers(int(address.rpartition(":")[2])):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("smtp-sink did not start")
        time.sleep(0.05)
