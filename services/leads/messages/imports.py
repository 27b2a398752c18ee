"""Imports as messages, and messages as what somebody asks of an import."""

from typing import cast

from crm.leads.v1 import contact_pb2, import_pb2, import_service_pb2

from chassis.errors import FieldViolation, InvalidArgument
from services.leads.domain.importing import (
    Consent,
    ConsentDraft,
    Import,
    Outcome,
    Row,
    StartDraft,
)
from services.leads.messages import values


def import_(it: Import) -> import_pb2.Import:
    """Return an import as others see it."""
    pairs = zip(it.shape.columns, it.shape.fields, strict=True)
    shown = () if it.shape.kind == "vcard" else pairs
    return import_pb2.Import(
        id=str(it.id),
        state=cast("import_pb2.ImportState.ValueType", it.state),
        file_name=it.file_name,
        file_size=it.file_size,
        shape=it.shape.kind,
        encoding=it.shape.encoding.removesuffix("-sig"),
        delimiter=it.shape.delimiter,
        mapping=[import_pb2.ColumnMapping(column=name, field=field) for name, field in shown],
        samples=[import_pb2.ImportSample(values=each) for each in it.shape.samples],
        total_rows=it.total_rows,
        ledger=import_pb2.ImportLedger(**vars(it.ledger)),
        failure=it.failure,
        dry_run=it.dry_run,
        source_id=values.text(it.source_id),
        consent=_consent(it.consent) if it.consent else None,
        tags=it.tags,
        create_time=values.stamp(it.create_time),
        end_time=values.stamp(it.end_time),
    )


def _consent(it: Consent) -> import_pb2.ImportConsent:
    return import_pb2.ImportConsent(
        advertiser_id=str(it.advertiser_id),
        purposes=[cast("contact_pb2.Purpose.ValueType", each) for each in it.purposes],
        channels=[cast("contact_pb2.Channel.ValueType", each) for each in it.channels],
        evidence=it.evidence,
    )


def row(it: Row) -> import_pb2.ImportRow:
    """Return one line of the ledger."""
    return import_pb2.ImportRow(
        number=it.number,
        outcome=cast("import_pb2.RowOutcome.ValueType", it.outcome),
        field=it.field,
        reason=it.reason,
        detail=it.detail,
        contact_id=values.text(it.contact_id),
    )


def draft(request: import_service_pb2.StartImportRequest) -> StartDraft:
    """Return how somebody wants an import to run; refuses a column that is mapped twice."""
    columns = [it.column for it in request.mapping]
    if len(set(columns)) < len(columns):
        wrong = [FieldViolation("mapping", "names a column twice")]
        raise InvalidArgument("FIELDS_INVALID", "invalid: mapping", violations=wrong)
    consent = request.consent
    return StartDraft(
        mapping={it.column: it.field for it in request.mapping},
        dry_run=request.dry_run,
        source_id=request.source_id,
        consent=ConsentDraft(
            advertiser_id=consent.advertiser_id,
            purposes=list(consent.purposes),
            channels=list(consent.channels),
            evidence=consent.evidence,
        )
        if request.HasField("consent")
        else None,
        tags=list(request.tags),
    )


def outcome(given: int) -> Outcome | None:
    """Return the outcome asked for; None is any."""
    if given and given not in list(Outcome):
        wrong = [FieldViolation("outcome", "is not one of the choices")]
        raise InvalidArgument("FIELDS_INVALID", "invalid: outcome", violations=wrong)
    return Outcome(given) if given else None
