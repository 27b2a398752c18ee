"""Events come again, twice, in any order, also when nobody remembers them: nothing changes."""

import asyncio
import random
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import nats
import psycopg
from nats.aio.client import Client
from nats.js.api import ConsumerInfo, RawStreamMsg
from nats.js.errors import NotFoundError

from tests.faults import facts
from tests.faults.conftest import LONG
from tests.faults.scene import ASK_SECONDS, Scene

EVENTS = 2_000 if LONG else 150  # the newest of each stream
COPIES = 2
STREAMS = ("FACTS", "CONTROL")
DURABLES = {
    "FACTS": (
        *("interactions-timeline", "interactions-contacts", "campaigns-progress"),
        *("campaigns-complaints", "leads-addresses", "interactions-messages"),
    ),
    "CONTROL": ("interactions-control", "leads-control", "notifier-vn-control"),
}
# What events make true, in the databases of those who hear them.
STATE: Mapping[str, Sequence[str]] = {
    "interactions": (
        "select id, revision, owner_ids, team_id, deleted from contacts order by id",
        "select contact_id, id, time, kind, details, version from facts order by 1, 2",
        "select follow_up_id, contact_id, state, reason, revision from deliveries order by 1, 2",
    ),
    "campaigns": (
        "select run_id, message_id, state, reason, revision from recipients order by 1, 2",
        "select id, state, epoch from runs order by id",
        "select * from run_counters order by 1",
    ),
    "leads": (
        "select * from consent_states order by 1, 2",
        "select * from consent_entries order by 1, 2",
        "select id, revision, phones, emails from contacts order by 1",
    ),
    "notifier": (
        "select * from suppressions order by 1, 2",
        "select run_id, epoch, state from runs order by run_id",
    ),
}


def state(scene: Scene) -> dict[str, list[Any]]:
    """Return what the services hold of what they were told."""
    found: dict[str, list[Any]] = {}
    for service, queries in STATE.items():
        with psycopg.connect(scene.database(service)) as connection:
            found[service] = [connection.execute(it.encode()).fetchall() for it in queries]
    return found


def forget(scene: Scene) -> int:
    """Let every consumer forget what it has dealt with; returns how much that was."""
    forgotten = 0
    for service in STATE:
        with psycopg.connect(scene.database(service), autocommit=True) as connection:
            forgotten += connection.execute("delete from inbox").rowcount
    return forgotten


async def newest(client: Client, stream: str) -> list[RawStreamMsg]:
    """Return the newest events of a stream, heartbeats aside, in order."""
    js = client.jetstream()
    info = await js.stream_info(stream)
    found = []
    for seq in range(info.state.first_seq, info.state.last_seq + 1):
        try:
            found.append(await js.get_msg(stream, seq))
        except NotFoundError:
            continue
    return [it for it in found if not str(it.subject).startswith("control.heartbeat")][-EVENTS:]


async def quiet(scene: Scene, client: Client) -> None:
    """Wait until every consumer has dealt with all that is there, and nothing follows from it.

    What a consumer does can be an event for others, so that the end of the streams has to stay
    where it is while all consumers reach it and all outboxes are empty.
    """
    js = client.jetstream()
    async with asyncio.timeout(120):
        while True:
            end = (await js.stream_info("FACTS")).state.last_seq
            for stream, durables in DURABLES.items():
                for durable in durables:
                    while not settled(await js.consumer_info(stream, durable)):  # noqa: ASYNC110
                        await asyncio.sleep(ASK_SECONDS)
            await scene.drained()
            if (await js.stream_info("FACTS")).state.last_seq == end:
                return


def settled(info: ConsumerInfo) -> bool:
    """Return whether a consumer has nothing left, not even one of the heartbeats."""
    return not info.num_ack_pending and not info.num_pending


class TestEventsThatComeAgain:
    async def test_in_any_order_and_forgotten_they_change_nothing(
        self, scene: Scene, dice: random.Random
    ) -> None:
        await facts.run_with_echo(scene, dice)
        client = await nats.connect(scene.house.state["nats_url"])
        try:
            await quiet(scene, client)
            before = state(scene)
            events = [it for stream in STREAMS for it in await newest(client, stream)]
            again = events * COPIES
            dice.shuffle(again)
            forgotten = forget(scene)
            for it in again:
                headers = {**(it.headers or {}), "Nats-Msg-Id": str(uuid.uuid4())}
                headers = {k: v for k, v in headers.items() if not k.startswith("Nats-Batch")}
                await client.jetstream().publish(str(it.subject), it.data or b"", headers=headers)
            await quiet(scene, client)
            after = state(scene)
        finally:
            await client.close()

        assert forgotten > 0
        assert len({it.subject for it in events}) > 5
        for service in STATE:
            assert after[service] == before[service], service
        kinds = len({it.subject for it in events})
        scene.tell(
            "G10",
            f"{len(events)} events of {kinds} kinds {COPIES} times more, shuffled, to consumers "
            f"that forgot them: no row of {', '.join(STATE)} changed",
        )
