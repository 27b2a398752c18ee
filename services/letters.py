"""The dead letters, for an operator: what could not be handled, why, and what is to become of it.

`python -m services.letters COMMAND` with the settings of `services.topology`, or in a service's
container with that service's: it looks only at what it knows.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence

from chassis import config, errors, logging
from chassis.events import deadletters
from chassis.events.connection import Connection
from chassis.events.deadletters import Letter
from services.topology import Settings

COMMANDS = {
    "count": "how many each consumer has",
    "list": "one line each: number, time, consumer, deliveries, reason, subject, event",
    "show": "one of them whole, as JSON; its data as hex, since it is somebody's",
    "replay": "send these numbers, or every one of a consumer, to where they came from",
    "discard": "delete these numbers, or every one of a consumer, for good",
}


async def run(settings: Settings, command: str, which: Sequence[str]) -> int:
    """Do one command; returns 0, or 1 when the broker is away or a number is not there."""
    nats = Connection(settings, "letters")
    try:
        await nats.connected(within=30)
        if command == "count":
            for durable, count in sorted((await deadletters.count(nats)).items()):
                _tell(f"{count}\t{durable}")
        else:
            await _each(nats, command, which)
    except (LookupError, errors.Unavailable) as why:
        sys.stderr.write(f"{why}\n")
        return 1
    finally:
        await nats.close()
    return 0


async def _each(nats: Connection, command: str, which: Sequence[str]) -> None:
    done = 0
    async for letter in _chosen(nats, which):
        match command:
            case "list":
                _tell(_line(letter))
            case "show":
                _tell(json.dumps(_whole(letter), indent=2))
            case "replay":
                await deadletters.send_again(nats, letter)
            case "discard":
                await deadletters.discard(nats, letter)
        done += 1
    if command in ("replay", "discard"):
        _tell(f"{done} {'sent again' if command == 'replay' else 'discarded'}")


async def _chosen(nats: Connection, which: Sequence[str]) -> AsyncIterator[Letter]:
    """Yield what was named. Raises LookupError for a number that is not there."""
    for each in which or [">"]:
        if not each.isdigit():
            async for letter in deadletters.read(nats, each):
                yield letter
            continue
        found = await deadletters.get(nats, int(each))
        if found is None:
            raise LookupError(f"there is no dead letter {each}")
        yield found


def _line(letter: Letter) -> str:
    when = letter.buried_at.isoformat(timespec="seconds") if letter.buried_at else "-"
    event_id = letter.headers.get("ce-id", "-")
    parts = (letter.sequence, when, letter.durable, letter.deliveries, letter.reason)
    return "\t".join([*map(str, parts), letter.subject, event_id])


def _whole(letter: Letter) -> dict[str, object]:
    return {
        "number": letter.sequence,
        "consumer": letter.durable,
        "reason": letter.reason,
        "subject": letter.subject,
        "stream": letter.stream,
        "deliveries": letter.deliveries,
        "headers": dict(letter.headers),
        "bytes": len(letter.data),
        "data": letter.data.hex(),
    }


def _forget_others() -> None:
    known = {f"{config.PREFIX}{name.upper()}" for name in Settings.model_fields}
    for variable in [it for it in os.environ if it.upper().startswith(config.PREFIX)]:
        if variable.upper().removesuffix("_FILE") not in known and variable.upper() not in known:
            del os.environ[variable]


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def main(argv: Sequence[str]) -> int:
    """Run one command of the line; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m services.letters",
        description=__doc__,
        epilog="\n".join(f"{name:<8} {what}" for name, what in COMMANDS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("which", nargs="*", metavar="NUMBER|CONSUMER")
    given = parser.parse_args(argv)
    if given.command in ("show", "replay", "discard") and not given.which:
        parser.error(f"{given.command} wants numbers or a consumer")
    _forget_others()
    settings = config.load(Settings)
    logging.configure(settings, "letters")
    return asyncio.run(run(settings, given.command, given.which))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
