"""What the sandbox peers hold, compared with what the system says it sent, id by id."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

import aiohttp

from local.demo.api import Api

TAKEN = ("ACCEPTED", "DELIVERED", "BOUNCED")
PERHAPS = ("IN_DOUBT", "ABANDONED", "FAILED")


@dataclass(frozen=True)
class Comparison:
    """A run's messages against its peer's: only zeros but for `taken` and `held` is agreement."""

    taken: int
    held: int
    missing: int
    doubled: int
    unexplained: int

    @property
    def agrees(self) -> bool:
        """Whether every message taken is held once, and nothing else of the run is held."""
        return not (self.missing or self.doubled or self.unexplained)


def compare(
    taken: set[str], perhaps: set[str], never: set[str], held: dict[str, int]
) -> Comparison:
    """Compare the ids by state with the copies that the peer holds of each id of the run.

    `perhaps` are messages that the peer may or may not have; `never` must not be held.
    """
    mine = {message: held[message] for message in taken | perhaps | never if message in held}
    return Comparison(
        taken=len(taken),
        held=len(mine),
        missing=len(taken - mine.keys()),
        doubled=sum(1 for copies in mine.values() if copies > 1),
        unexplained=len(never & mine.keys()),
    )


async def held(inbox_url: str, channel: str) -> dict[str, int]:
    """Return the copies of each message id that the sandbox peer of a channel keeps."""
    timeout = aiohttp.ClientTimeout(total=120)
    async with (
        aiohttp.ClientSession(timeout=timeout) as http,
        http.get(f"{inbox_url}/api/ids", params={"channel": channel.lower()}) as answer,
    ):
        answer.raise_for_status()
        lines = (await answer.text()).splitlines()
    return {row["message_id"]: int(row["copies"]) for row in map(json.loads, lines)}


async def ids(api: Api, run_id: str) -> dict[str, set[str]]:
    """Return the message ids of a run's planned recipients by state."""
    by_state: dict[str, set[str]] = {}
    async for recipient in api.every(f"/runs/{run_id}/recipients", "recipients"):
        if recipient.get("message_id"):
            by_state.setdefault(recipient["state"], set()).add(recipient["message_id"])
    return by_state


def union(by_state: dict[str, set[str]], states: Iterable[str]) -> set[str]:
    """Return the ids in any of the states."""
    return set().union(*(by_state.get(state, set()) for state in states))


async def check(api: Api, inbox_url: str, channel: str, run_id: str) -> Comparison:
    """Compare a run with what its peer holds."""
    by_state = await ids(api, run_id)
    taken, perhaps = union(by_state, TAKEN), union(by_state, PERHAPS)
    never = union(by_state, by_state) - taken - perhaps
    return compare(taken, perhaps, never, await held(inbox_url, channel))
