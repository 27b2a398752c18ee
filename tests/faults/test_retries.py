"""The same idempotency key gives the same answer, however often and impatiently it is asked."""

import asyncio
import json
import random
import uuid
from collections.abc import Callable
from typing import Any

import aiohttp
import grpc
import pytest
from crm.leads.v1 import contact_pb2, contact_service_pb2, contact_service_pb2_grpc

from bench.jobs import access
from local.demo import content, job
from local.demo.api import Json, Refused
from tests.faults.conftest import LONG, only_long
from tests.faults.scene import ANSWER_SECONDS, TAKEN, Scene

KEYS = 40 if LONG else 6  # of each kind
TWINS = 4  # that ask for the same at the same time
PATIENCE_SECONDS = (0.002, 0.08)
# How long a storm may take that is answered late because of itself: that is no matter here.
STORM_SECONDS = 3 * ANSWER_SECONDS
# A server that sees a caller's deadline pass before the caller does answers CANCELLED.
RETRYABLE = (
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.UNAVAILABLE,
)


class Storm:
    """Callers that give up after milliseconds and ask again, until they hear an answer."""

    def __init__(self, scene: Scene, dice: random.Random) -> None:
        self.scene = scene
        self.dice = dice
        self.given_up = 0

    async def ask(self, call: Callable[[float], Any]) -> Any:
        """Repeat `call(seconds)` until it answers, with more patience each time."""
        patience = self.dice.uniform(*PATIENCE_SECONDS)
        async with asyncio.timeout(STORM_SECONDS):
            while True:
                try:
                    return await call(patience)
                except (TimeoutError, aiohttp.ClientError):
                    pass
                except Refused as refusal:
                    if refusal.status < 500:
                        raise
                except grpc.aio.AioRpcError as failure:
                    if failure.code() not in RETRYABLE:
                        raise
                self.given_up += 1
                patience *= 1.5

    async def twins(self, path: str, body: Json) -> Json:
        """POST with one key from several at once; returns the answer that all got."""
        key = str(uuid.uuid4())

        async def post(seconds: float) -> Json:
            async with asyncio.timeout(seconds):
                return await self.scene.api.post(path, body, key=key)

        answers = await asyncio.gather(*(self.ask(post) for _ in range(TWINS)))
        assert len({json.dumps(it, sort_keys=True) for it in answers}) == 1, answers
        answer: Json = answers[0]
        return answer


@pytest.fixture
def storm(scene: Scene, dice: random.Random) -> Storm:
    """Callers in the house."""
    return Storm(scene, dice)


class TestOverRest:
    async def test_what_is_made_is_made_once(self, scene: Scene, storm: Storm) -> None:
        advertiser_id, identity_id = await job.sender(scene.api, "EMAIL")
        mark = uuid.uuid4().hex

        def message(number: int) -> Json:
            return {
                "channel": "EMAIL",
                "address": f"{mark}-{number}@retries.example",
                "purpose": "TRANSACTIONAL",
                "advertiser_id": advertiser_id,
                "sender_identity_id": identity_id,
                "subject": content.TEMPLATES["EMAIL"]["name"],
                "text": "123456",
            }

        storms = [storm.twins("/messages", message(n)) for n in range(KEYS)]
        storms += [storm.twins("/contacts", {"display_name": f"{mark}-{n}"}) for n in range(KEYS)]
        kill = asyncio.get_running_loop().call_later(0.3, scene.house.kill, "leads-2")
        answers = await asyncio.gather(*storms)
        kill.cancel()

        sent = {it["id"] for it in answers[:KEYS]}
        assert len(sent) == KEYS
        assert len({it["id"] for it in answers[KEYS:]}) == KEYS
        found = await scene.api.get("/contacts", query=mark, page_size=1000)
        assert len(found["contacts"]) == KEYS
        await self._sent_once(scene, sent)
        scene.tell(
            "G15",
            f"REST: {2 * KEYS} keys, {TWINS} callers each, {storm.given_up} calls given up after "
            f"milliseconds: one answer a key, {KEYS} contacts made, {KEYS} mails sent",
        )

    async def _sent_once(self, scene: Scene, ids: set[str]) -> None:
        async with asyncio.timeout(ANSWER_SECONDS):
            for id in ids:
                while (await scene.api.get(f"/messages/{id}"))["state"] not in TAKEN:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
        held = await scene.held("EMAIL")
        assert {held[it] for it in ids} == {1}

    @only_long
    async def test_a_campaign_is_started_once(self, scene: Scene, storm: Storm) -> None:
        run_id = await scene.start("SMS")
        campaign_id = (await scene.run(run_id))["campaign_id"]
        await scene.proof(run_id)

        run = await storm.twins(f"/campaigns/{campaign_id}:start", {})

        await scene.proof(run["id"])
        runs = await scene.api.get("/runs", campaign_id=campaign_id)
        assert {it["id"] for it in runs["runs"]} == {run_id, run["id"]}
        scene.tell("G15", f"a campaign started by {TWINS} impatient callers: one run")


class TestOverGrpc:
    async def test_what_is_made_is_made_once(
        self, scene: Scene, storm: Storm, dice: random.Random
    ) -> None:
        mark = uuid.uuid4().hex
        token = await self._token(scene)
        address = scene.house.state["grpc"]["leads"].partition(",")[0]
        async with grpc.aio.insecure_channel(address) as channel:
            stub = contact_service_pb2_grpc.ContactServiceStub(channel)

            async def create(number: int) -> set[bytes]:
                request = contact_service_pb2.CreateContactRequest(
                    contact=contact_pb2.Contact(display_name=f"{mark}-{number}"),
                    request_id=f"{mark}-{number}",
                )

                async def call(seconds: float) -> Any:
                    metadata = (("authorization", f"Bearer {token}"),)
                    return await stub.CreateContact(request, timeout=seconds, metadata=metadata)

                answers = await asyncio.gather(*(storm.ask(call) for _ in range(TWINS)))
                return {it.SerializeToString(deterministic=True) for it in answers}

            answers = await asyncio.gather(*(create(n) for n in range(KEYS)))

        assert {len(it) for it in answers} == {1}
        found = await scene.api.get("/contacts", query=mark, page_size=1000)
        assert len(found["contacts"]) == KEYS
        scene.tell(
            "G15",
            f"gRPC: {KEYS} keys, {TWINS} callers each, {storm.given_up} calls given up: "
            f"one answer a key, {KEYS} contacts made",
        )

    async def _token(self, scene: Scene) -> str:
        who = access(scene.house.state)
        form = {
            "grant_type": "client_credentials",
            "client_id": who.client_id,
            "client_secret": who.client_secret,
            "audience": "leads",
        }
        async with aiohttp.ClientSession() as http, http.post(who.token_url, data=form) as answer:
            answer.raise_for_status()
            return str((await answer.json())["access_token"])
