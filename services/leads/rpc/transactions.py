"""TransactionService."""

from crm.leads.v1 import transaction_service_pb2, transaction_service_pb2_grpc
from pydantic import SecretStr

from chassis.db import Sessions
from chassis.errors import ResourceExhausted
from services.leads.domain.transaction import MAX_BATCH
from services.leads.messages import transactions as messages
from services.leads.rpc import pages
from services.leads.rpc.requests import Clock, Context, required_id
from services.leads.usecases import transactions

pb = transaction_service_pb2


class TransactionServicer(transaction_service_pb2_grpc.TransactionServiceServicer):
    """Transactions fed from tills, shops and ledgers; the rights are those of contacts."""

    def __init__(self, sessions: Sessions, seal: SecretStr, clock: Clock) -> None:
        self._sessions = sessions
        self._seal = seal
        self._clock = clock

    async def IngestTransactions(
        self, request: pb.IngestTransactionsRequest, context: Context
    ) -> pb.IngestTransactionsResponse:
        """Stores up to 1,000 transactions."""
        if len(request.transactions) > MAX_BATCH:
            raise ResourceExhausted("TOO_LARGE", "more than 1,000 transactions", limit=MAX_BATCH)
        drafts = [messages.draft(it) for it in request.transactions]
        async with self._sessions.begin() as session:
            outcome = await transactions.ingest(session, drafts, now=self._clock())
        return pb.IngestTransactionsResponse(
            created=outcome.created,
            updated=outcome.updated,
            unchanged=outcome.unchanged,
            rejected=[
                pb.RejectedTransaction(index=it.index, field=it.field, reason=it.reason)
                for it in outcome.rejected
            ],
            converted_contact_ids=[str(it) for it in outcome.converted],
        )

    async def ListTransactions(
        self, request: pb.ListTransactionsRequest, context: Context
    ) -> pb.ListTransactionsResponse:
        """Lists a contact's transactions."""
        contact_id = required_id(request.contact_id, "contact_id")
        page = pages.read(request, self._seal)
        async with self._sessions.begin() as session:
            found, after = await transactions.page(session, contact_id, page)
        return pb.ListTransactionsResponse(
            transactions=[messages.transaction(it) for it in found],
            next_page_token=pages.next_token(after, request, self._seal),
        )
