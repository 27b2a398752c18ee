"""The audit chain's head leaves the database each hour: who rewrites the chain is found out."""

import asyncio
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.domain.walking import Head
from services.accounts.storage import heads
from services.accounts.storage.heads import Exported

_TAIL = 4_096


async def export(session: AsyncSession, file: Path | None) -> Exported | None:
    """Keeps this hour's head, in the file too; None if that was done.

    The file comes before the commit: a head that is in the table alone could be changed there.
    Raises `OSError` when it cannot be written.
    """
    exported = await heads.take(session)
    if exported is not None and file is not None:
        await asyncio.to_thread(append, file, exported)
    return exported


def append(file: Path, exported: Exported) -> None:
    """Adds a line to the file, on the disk when this returns; once for an hour.

    Whoever wrote it and died before the commit is followed by another, who finds it done.
    """
    told = {
        "hour": exported.hour.isoformat(),
        "time": exported.time.isoformat(),
        "sequence": exported.head.sequence,
        "hash": exported.head.hash.hex(),
    }
    with file.open("ab+") as kept:
        fcntl.flock(kept, fcntl.LOCK_EX)
        kept.seek(max(0, kept.seek(0, os.SEEK_END) - _TAIL))
        tail = kept.read()
        lines = tail.decode(errors="replace").splitlines()
        if tail.endswith(b"\n") and _read(lines[-1]).get("hour") == told["hour"]:
            return
        begin = "" if not tail or tail.endswith(b"\n") else "\n"
        kept.write(f"{begin}{json.dumps(told)}\n".encode())
        kept.flush()
        os.fsync(kept.fileno())


def read(file: Path) -> Iterator[Head]:
    """Yields the heads of a file; a line that was cut off while it was written is passed over.

    Raises `OSError` when it cannot be read.
    """
    for line in file.read_text("utf-8", errors="replace").splitlines():
        told = _read(line)
        if told:
            yield Head.read(f"{told['sequence']}:{told['hash']}")


def _read(line: str) -> dict[str, object]:
    try:
        told = json.loads(line)
    except ValueError:
        return {}
    return told if isinstance(told, dict) and {"hour", "sequence", "hash"} <= told.keys() else {}
