"""Transactions between the contract and the domain."""

from datetime import datetime

from crm.leads.v1 import transaction_pb2

from chassis.errors import InvalidArgument
from services.leads.domain.transaction import Draft, Line, Transaction
from services.leads.messages import values


def transaction(it: Transaction) -> transaction_pb2.Transaction:
    """Return the contract's transaction."""
    return transaction_pb2.Transaction(
        id=str(it.id),
        system=it.system,
        external_id=it.external_id,
        type=int(it.type),  # type: ignore[arg-type]
        contact_id=str(it.contact_id),
        contact_external_id=it.contact_external_id,
        amount=it.amount,
        currency=it.currency,
        time=values.stamp(it.time),
        shop=it.shop,
        status=it.status,
        due_date=it.due_date.isoformat() if it.due_date else "",
        paid_time=values.stamp(it.paid_time),
        lines=[
            transaction_pb2.TransactionLine(
                product=line.product,
                category=line.category,
                quantity=line.quantity,
                amount=line.amount,
            )
            for line in it.lines
        ],
    )


def draft(it: transaction_pb2.Transaction) -> Draft:
    """Return a transaction as another system tells it; a time that is none is not given."""
    return Draft(
        system=it.system,
        external_id=it.external_id,
        type=it.type,
        contact_id=it.contact_id,
        contact_external_id=it.contact_external_id,
        amount=it.amount,
        currency=it.currency,
        time=_time(it, "time"),
        shop=it.shop,
        status=it.status,
        due_date=it.due_date,
        paid_time=_time(it, "paid_time"),
        is_paid=it.HasField("paid_time"),
        lines=[Line(line.product, line.category, line.quantity, line.amount) for line in it.lines],
    )


def _time(it: transaction_pb2.Transaction, field: str) -> datetime | None:
    # One bad time of a batch is that transaction's fault, not the batch's.
    try:
        return values.moment(it, field)
    except InvalidArgument:
        return None
