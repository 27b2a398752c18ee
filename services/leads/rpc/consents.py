"""ConsentService."""

from crm.leads.v1 import consent_pb2, consent_service_pb2, consent_service_pb2_grpc
from pydantic import SecretStr

from chassis.db import Sessions, idempotency
from services.leads.messages import consents as messages
from services.leads.rpc import pages
from services.leads.rpc.requests import Clock, Context, required_id
from services.leads.usecases import consents

pb = consent_service_pb2


class ConsentServicer(consent_service_pb2_grpc.ConsentServiceServicer):
    """The consent ledger; the rights are those of contacts."""

    def __init__(self, sessions: Sessions, seal: SecretStr, clock: Clock) -> None:
        self._sessions = sessions
        self._seal = seal
        self._clock = clock

    async def GiveConsent(
        self, request: pb.GiveConsentRequest, context: Context
    ) -> consent_pb2.ConsentEntry:
        """Records that a person agreed."""
        draft = messages.given(request.entry)
        async with self._sessions.begin() as session:

            async def work() -> consent_pb2.ConsentEntry:
                return messages.entry(await consents.give(session, draft, now=self._clock()))

            return await idempotency.once(
                session, "GiveConsent", request, consent_pb2.ConsentEntry, work
            )

    async def WithdrawConsent(
        self, request: pb.WithdrawConsentRequest, context: Context
    ) -> consent_pb2.ConsentEntry:
        """Records that a person withdrew."""
        draft = messages.withdrawn(request)
        async with self._sessions.begin() as session:

            async def work() -> consent_pb2.ConsentEntry:
                return messages.entry(await consents.withdraw(session, draft, now=self._clock()))

            return await idempotency.once(
                session, "WithdrawConsent", request, consent_pb2.ConsentEntry, work
            )

    async def ListConsentEntries(
        self, request: pb.ListConsentEntriesRequest, context: Context
    ) -> pb.ListConsentEntriesResponse:
        """Lists a contact's ledger."""
        contact_id = required_id(request.contact_id, "contact_id")
        page = pages.read(request, self._seal)
        async with self._sessions.begin() as session:
            found, after = await consents.ledger(session, contact_id, page)
        return pb.ListConsentEntriesResponse(
            entries=[messages.entry(it) for it in found],
            next_page_token=pages.next_token(after, request, self._seal),
        )
