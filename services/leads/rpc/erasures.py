"""ErasureService."""

from crm.leads.v1 import erasure_pb2, erasure_service_pb2, erasure_service_pb2_grpc
from pydantic import SecretStr

from chassis.db import Sessions
from chassis.errors import FailedPrecondition
from services.leads.domain.erasure import Reason, State
from services.leads.domain.fields import Checks
from services.leads.messages import erasures as messages
from services.leads.rpc import pages
from services.leads.rpc.requests import Clock, Context, required_id
from services.leads.usecases import erasures
from services.leads.usecases.erasures import Order

pb = erasure_service_pb2


class ErasureServicer(erasure_service_pb2_grpc.ErasureServiceServicer):
    """Erases people; `knows_everybody` is whether all services can be asked to."""

    def __init__(
        self, sessions: Sessions, seal: SecretStr, clock: Clock, *, knows_everybody: bool
    ) -> None:
        self._sessions = sessions
        self._seal = seal
        self._clock = clock
        self._knows_everybody = knows_everybody

    async def EraseContact(
        self, request: pb.EraseContactRequest, context: Context
    ) -> erasure_pb2.Erasure:
        """Orders somebody to be erased."""
        checks = Checks()
        contact_id = checks.id("contact_id", request.contact_id)
        reason = checks.needed("reason", request.reason, Reason)
        checks.finish()
        if not self._knows_everybody:
            raise FailedPrecondition(
                "ERASURE_UNAVAILABLE",
                "leads does not know all services that have to erase",
                setting="MEKONG_NOTIFIER_ADDRESS",
            )
        wanted = Order(contact_id, reason, request.confirm)
        async with self._sessions.begin() as session:
            made = await erasures.order(
                session, wanted, self._seal.get_secret_value(), now=self._clock()
            )
        return messages.erasure(made)

    async def GetErasure(
        self, request: pb.GetErasureRequest, context: Context
    ) -> erasure_pb2.Erasure:
        """Reads one."""
        erasure_id = required_id(request.id)
        async with self._sessions.begin() as session:
            return messages.erasure(await erasures.get(session, erasure_id))

    async def RepeatErasure(
        self, request: pb.RepeatErasureRequest, context: Context
    ) -> erasure_pb2.Erasure:
        """Runs one that is done once more."""
        erasure_id, key = required_id(request.id), self._seal.get_secret_value()
        async with self._sessions.begin() as session:
            return messages.erasure(await erasures.repeat(session, erasure_id, key))

    async def ListErasures(
        self, request: pb.ListErasuresRequest, context: Context
    ) -> pb.ListErasuresResponse:
        """Lists them, newest first."""
        checks = Checks()
        contact_id = checks.uuid("contact_id", request.contact_id)
        state = checks.choice("state", request.state, State)
        checks.finish()
        page = pages.read(request, self._seal)
        async with self._sessions.begin() as session:
            found, after = await erasures.page(session, page, contact_id, state)
        return pb.ListErasuresResponse(
            erasures=[messages.erasure(it) for it in found],
            next_page_token=pages.next_token(after, request, self._seal),
        )
