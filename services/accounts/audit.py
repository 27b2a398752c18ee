"""The audit log, for an operator: follows the chain from its first entry, and says what it found.

    python -m services.accounts.audit verify [--head [PLACE:]HASH]… [--heads FILE]

with the settings of accounts. Ends with 0 when the chain holds, 1 when it does not, and 2 when
nobody can tell: settings or arguments are wrong, or the database is away.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from chassis import config, db, logging
from services.accounts.config import Settings
from services.accounts.domain import walking
from services.accounts.domain.walking import Finding, Head, Kind, Walk
from services.accounts.storage import heads as kept_heads
from services.accounts.usecases import heads, trail

INTACT, BROKEN, UNKNOWN = 0, 1, 2
_WORDS = {
    Kind.ALTERED: "altered",
    Kind.REMOVED: "removed",
    Kind.INSERTED: "inserted",
    Kind.CUT_OFF: "cut off at the end",
    Kind.REWRITTEN: "not what was exported",
}


async def verify(sessions: db.Sessions, given: Sequence[Head]) -> Walk:
    """Follows the whole chain, which must have ended with each of `given` once."""
    async with sessions.begin() as session:
        exported = await kept_heads.behind(session, 0)
    compared = walking.by_place([*exported, *given])
    walk = Walk(sought=walking.unplaced(given))
    ended = False
    while not ended:
        async with sessions.begin() as session:
            ended = await trail.follow(session, walk, compared)
    return walk


async def _run(settings: Settings, given: Sequence[Head]) -> int:
    sessions = db.sessions(settings, "accounts")
    began = time.monotonic()
    try:
        walk = await verify(sessions, given)
    except (SQLAlchemyError, OSError) as away:
        sys.stderr.write(f"the database does not answer: {type(away).__name__}\n")
        return UNKNOWN
    finally:
        await db.dispose(sessions)
    seconds = time.monotonic() - began
    _tell(f"{walk.entries} entries in {seconds:.1f} s, head {walk.sequence}:{walk.head.hex()}")
    for finding in walk.findings:
        _tell(_said(finding))
    if walk.is_over:
        _tell("stopped: too much is wrong")
    _tell("broken" if walk.findings else "intact")
    return BROKEN if walk.findings else INTACT


def _said(finding: Finding) -> str:
    first, last = finding.first, finding.last
    if not last:
        return f"an exported head is not in the chain, which ends at {first - 1}"
    places = f"{first}" if first == last else f"{first} to {last}"
    return f"{_WORDS[finding.kind]}: {places}"


def _head(text: str) -> Head:
    try:
        return Head.read(text)
    except ValueError:
        raise argparse.ArgumentTypeError("is no [PLACE:]HASH of 64 hexadecimal digits") from None


def _heads(text: str) -> list[Head]:
    try:
        return list(heads.read(Path(text)))
    except (OSError, ValueError) as wrong:
        raise argparse.ArgumentTypeError(f"cannot be read: {type(wrong).__name__}") from None


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def main(argv: Sequence[str]) -> int:
    """Runs one command of the line; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m services.accounts.audit",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=["verify"])
    parser.add_argument("--head", type=_head, action="append", default=[], metavar="[PLACE:]HASH")
    parser.add_argument("--heads", type=_heads, default=[], metavar="FILE")
    given = parser.parse_args(argv)
    try:
        settings = config.load(Settings)
    except config.SettingsError as wrong:
        sys.stderr.write(f"{wrong}\n")
        return UNKNOWN
    logging.configure(settings, "accounts")
    return asyncio.run(_run(settings, [*given.head, *given.heads]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
