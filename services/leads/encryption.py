"""Seals what is plain or under older keys anew: `python -m services.leads.encryption COMMAND`.

    rotate   goes over all contacts, 500 at a time, while leads runs; begun again it goes on
             where rows are left, so that nothing is lost by ending it
    status   tells how many rows each key has sealed

Ends with 0 when nothing is left under an older key, with 2 when it could not be done.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy.exc import SQLAlchemyError

from chassis import config, db, logging, sealing
from chassis.sealing import Keys
from services.leads.config import Settings
from services.leads.storage import sealed

DONE, UNKNOWN = 0, 2
BATCH = 500
_PLAIN = "no key"

Tell = Callable[[str], object]


async def rotate(sessions: db.Sessions, keys: Keys, tell: Tell, batch: int = BATCH) -> int:
    """Seal all that the newest key did not; returns how many rows. Each batch is a transaction."""
    done, after, newest = 0, None, keys.newest
    while True:
        async with sessions.begin() as session:
            rows = await sealed.lock_behind(session, newest, after, batch)
            await sealed.reseal(session, keys, rows)
        if not rows:
            return done
        done, after = done + len(rows), rows[-1].id
        tell(f"{done} sealed, as far as {after}")


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
        for key, count in sorted((await status(sessions)).items()):
            newest = " (newest)" if key == keys.newest else ""
            _tell(f"{key or _PLAIN}{newest}: {count}")
    except (SQLAlchemyError, OSError) as away:
        sys.stderr.write(f"the database does not answer: {type(away).__name__}\n")
        return UNKNOWN
    except sealing.SealBroken as broken:
        sys.stderr.write(f"a row cannot be opened: {broken}\n")
        return UNKNOWN
    finally:
        await db.dispose(sessions)
    return DONE


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
