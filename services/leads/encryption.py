"""Seals what is plain or under older keys anew: `python -m services.leads.encryption COMMAND`.

    rotate   goes over all contacts and trial imports, 500 at a time, while leads runs, again and
             again until a pass finds none; ended and begun again it goes on where rows are left
    status   tells how many rows each key has sealed

Ends with 0 when nothing is left plain or under another key, with 1 when something is (rows that do
not open among them), with 2 when it could not be done.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import config, db, logging, sealing
from chassis.sealing import Keys
from services.leads.config import Settings
from services.leads.storage import sealed
from services.leads.storage.sealed import Row

DONE, LEFT, UNKNOWN = 0, 1, 2
BATCH = 500
_PLAIN = "no key"

Tell = Callable[[str], object]


async def rotate(sessions: db.Sessions, keys: Keys, tell: Tell, batch: int = BATCH) -> int:
    """Seal all that the newest key did not; returns how many rows. Each batch is a transaction.

    A replica that has not seen the key yet goes on sealing with the one before, so that it goes
    over all again until there is nothing. Rows that do not open are left.
    """
    total = 0
    while done := await _pass(sessions, keys, tell, batch, total):
        total += done
    return total


async def _pass(sessions: db.Sessions, keys: Keys, tell: Tell, batch: int, before: int) -> int:
    done, newest = 0, keys.newest
    if not newest:
        return 0  # keys only open from now on
    for lock in (_contacts, sealed.lock_shadows_behind):
        after: Row | None = None
        while True:
            async with sessions.begin() as session:
                rows = await lock(session, newest, after, batch)
                done += await sealed.reseal(session, keys, rows)
            if not rows:
                break
            after = rows[-1]
            tell(f"{before + done} sealed, as far as {after.id}")
    return done


async def _contacts(
    session: AsyncSession, newest: str, after: Row | None, most: int
) -> Sequence[Row]:
    return await sealed.lock_behind(session, newest, after.id if after else None, most)


async def status(sessions: db.Sessions) -> Mapping[str, int]:
    """Return how many rows each key has sealed."""
    async with sessions.begin() as session:
        return await sealed.counts(session)


async def _run(settings: Settings, command: str) -> int:
    try:
        keys = Keys(settings.field_keys_file)
    except sealing.KeysUnreadable as trouble:
        sys.stderr.write(f"MEKONG_FIELD_KEYS_FILE: {trouble}\n")
        return UNKNOWN
    if not keys.newest:
        sys.stderr.write("MEKONG_FIELD_KEYS_FILE is not set: there is nothing to seal with\n")
        return UNKNOWN
    sessions = db.sessions(settings, "leads", carrying={sealed.CARRIED: keys})
    try:
        if command == "rotate":
            await rotate(sessions, keys, _tell)
        found = await status(sessions)
        for key, count in sorted(found.items()):
            newest = " (newest)" if key == keys.newest else ""
            _tell(f"{key or _PLAIN}{newest}: {count}")
    except (SQLAlchemyError, OSError) as away:
        sys.stderr.write(f"the database does not answer: {type(away).__name__}\n")
        return UNKNOWN
    finally:
        await db.dispose(sessions)
    return LEFT if any(count for key, count in found.items() if key != keys.newest) else DONE


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(argv: Sequence[str]) -> int:
    """Run one command of the line; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m services.leads.encryption",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=["rotate", "status"])
    given = parser.parse_args(argv)
    try:
        settings = config.load(Settings)
    except config.SettingsError as wrong:
        sys.stderr.write(f"{wrong}\n")
        return UNKNOWN
    logging.configure(settings, "leads")
    return asyncio.run(_run(settings, given.command))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
