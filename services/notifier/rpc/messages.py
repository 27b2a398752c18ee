"""MessageService."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from crm.notifier.v1 import message_pb2, message_service_pb2, message_service_pb2_grpc
from pydantic import SecretStr

from chassis import context
from chassis.db import Sessions, idempotency, paging
from chassis.errors import FailedPrecondition, NotFound
from services.notifier.domain.checks import Checks
from services.notifier.domain.states import State
from services.notifier.messages import progress
from services.notifier.rpc import requests, sought
from services.notifier.storage import lookups
from services.notifier.usecases import batches, intake, sending

_FOUND_AT_ONCE = 1_000


class MessageServicer(message_service_pb2_grpc.MessageServiceServicer):
    """Messages and what became of them."""

    def __init__(self, sessions: Sessions, seal_key: SecretStr, nudge: Callable[[], None]) -> None:
        self._sessions = sessions
        self._seal_key = seal_key
        self._nudge = nudge

    async def SendMessage(
        self, request: message_service_pb2.SendMessageRequest, _: Any
    ) -> message_pb2.Message:
        """Accepts one message."""
        now = datetime.now(UTC)
        wanted = requests.wanted(request, now)
        async with self._sessions.begin() as session:
            await intake.make_room(session, now.date())
        async with self._sessions.begin() as session:

            async def send() -> message_pb2.Message:
                return progress.view(await sending.send(session, wanted, now))

            # As it was answered first, also when the message has moved on since.
            answer = await idempotency.once(
                session, "SendMessage", request, message_pb2.Message, send
            )
        self._nudge()
        return answer

    async def BatchSendMessages(
        self, request: message_service_pb2.BatchSendMessagesRequest, _: Any
    ) -> message_service_pb2.BatchSendMessagesResponse:
        """Accepts each message that can be."""
        now = datetime.now(UTC)
        items = requests.items(request, now)
        subject = context.require_principal().subject
        async with self._sessions.begin() as session:
            await intake.make_room(session, now.date())
        async with self._sessions.begin() as session:
            answers = await batches.send_many(session, subject, items, now)
            results = [requests.result(it) for it in answers]
        self._nudge()
        return message_service_pb2.BatchSendMessagesResponse(results=results)

    async def GetMessage(
        self, request: message_service_pb2.GetMessageRequest, _: Any
    ) -> message_pb2.Message:
        """One message with its attempts."""
        id = _id("id", request.id)
        async with self._sessions.begin() as session:
            message = await lookups.get(session, id)
            if message is None:
                raise NotFound("RESOURCE_MISSING", "no such message", resource="message", id=id)
            return progress.view(message, await lookups.attempts(session, message.key))

    async def ListMessages(
        self, request: message_service_pb2.ListMessagesRequest, _: Any
    ) -> message_service_pb2.ListMessagesResponse:
        """One page of messages."""
        by = _filter(request)
        fields = {
            "run": request.run_id,
            "address": request.address,
            "contact": request.contact_id,
            "states": sorted(request.states),
        }
        page = paging.read(request.page_size, request.page_token, fields, self._seal_key)
        async with self._sessions.begin() as session:
            found = await lookups.page(session, by, page.after or (), page.size + 1)
            if not found and by.run_id and await lookups.is_gone(session, by.run_id):
                raise FailedPrecondition(
                    "ROWS_GONE", "the rows of this run were let go of", resource="run", id=by.run_id
                )
        shown = found[: page.size]
        more = len(found) > page.size
        return message_service_pb2.ListMessagesResponse(
            messages=[progress.view(it) for it in shown],
            next_page_token=(
                paging.token(lookups.place(by, shown[-1]), fields, self._seal_key) if more else ""
            ),
        )

    async def FindMessages(
        self, request: message_service_pb2.FindMessagesRequest, _: Any
    ) -> message_service_pb2.FindMessagesResponse:
        """Which of a run's messages are here."""
        run_id = _id("run_id", request.run_id)
        checks = Checks()
        if len(request.message_ids) > _FOUND_AT_ONCE:
            checks.wrong("message_ids", f"are more than {_FOUND_AT_ONCE}")
        if any(len(id) != 16 for id in request.message_ids):
            checks.wrong("message_ids", "are 16 bytes each")
        checks.end()
        wanted = [UUID(bytes=id) for id in request.message_ids]
        async with self._sessions.begin() as session:
            found = await lookups.known(session, run_id, wanted)
        return message_service_pb2.FindMessagesResponse(message_ids=[it.bytes for it in found])

    async def CountMessages(
        self, request: message_service_pb2.CountMessagesRequest, _: Any
    ) -> message_service_pb2.CountMessagesResponse:
        """A run's messages by state."""
        run_id = _id("run_id", request.run_id)
        async with self._sessions.begin() as session:
            counts = await lookups.counts(session, run_id)
        return message_service_pb2.CountMessagesResponse(
            counts=[
                message_service_pb2.StateCount(
                    state=message_pb2.MessageState.ValueType(state), count=count
                )
                for state, count in sorted(counts.items())
            ]
        )


def _id(field: str, value: str) -> UUID:
    checks = Checks()
    id = checks.uuid(field, value)
    checks.end()
    return id or UUID(int=0)


def _filter(request: message_service_pb2.ListMessagesRequest) -> lookups.Filter:
    checks = Checks()
    given = [it for it in (request.run_id, request.address, request.contact_id) if it]
    if len(given) != 1:
        checks.wrong("run_id", "exactly one of run_id, address and contact_id is needed")
    run_id = checks.uuid("run_id", request.run_id, required=False)
    contact_id = checks.uuid("contact_id", request.contact_id, required=False)
    key = sought.key(checks, request.address)
    states = [State(int(it)) for it in request.states if int(it) in set(State)]
    checks.end()
    return lookups.Filter(run_id, key, contact_id, states)
