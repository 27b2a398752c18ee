"""Proposals in their protobuf form."""

from collections.abc import Mapping, Sequence
from typing import Any

from crm.interactions.v1 import events_pb2, proposal_pb2
from google.protobuf.message import Message

from chassis.attachments import Attachment
from chassis.rpc import times
from services.interactions.domain.proposals import pricing
from services.interactions.domain.proposals.events import Event, Happened
from services.interactions.domain.proposals.pricing import Line, Priced, Totals, Vat
from services.interactions.domain.proposals.proposals import Proposal, State
from services.interactions.domain.proposals.templates import Block, Kind, Template

_RATES: Mapping[Vat, "proposal_pb2.VatRate.ValueType"] = {
    Vat.NONE: proposal_pb2.VAT_RATE_NONE,
    Vat.ZERO: proposal_pb2.VAT_RATE_0,
    Vat.FIVE: proposal_pb2.VAT_RATE_5,
    Vat.EIGHT: proposal_pb2.VAT_RATE_8,
    Vat.TEN: proposal_pb2.VAT_RATE_10,
}
_STATES: Mapping[State, "proposal_pb2.ProposalState.ValueType"] = {
    state: proposal_pb2.ProposalState.Value(f"PROPOSAL_STATE_{state.name}") for state in State
}
_RATE_OF = {number: rate for rate, number in _RATES.items()}
_STATE_OF = {number: state for state, number in _STATES.items()}
_EVENTS: Mapping[Happened, Any] = {
    Happened.SENT: events_pb2.ProposalSent,
    Happened.VIEWED: events_pb2.ProposalViewed,
    Happened.ACCEPTED: events_pb2.ProposalAccepted,
    Happened.DECLINED: events_pb2.ProposalDeclined,
    Happened.EXPIRED: events_pb2.ProposalExpired,
}


def out(
    kept: Proposal, link: str = "", priced: Sequence[Priced] | None = None
) -> proposal_pb2.Proposal:
    """Returns a proposal as others may see it; without lines where they were not priced."""
    return proposal_pb2.Proposal(
        id=str(kept.id),
        revision=kept.revision,
        etag=str(kept.revision),
        number=kept.number,
        title=kept.title,
        contact_id=str(kept.contact_id or ""),
        address=kept.address,
        recipient_name=kept.recipient_name,
        template_id=str(kept.template_id),
        template_version=kept.template_version,
        currency=kept.currency,
        lines=[line(it) for it in priced or ()],
        totals=totals(kept.totals),
        valid_until=kept.valid_until.isoformat(),
        remind_days_before=kept.remind_days_before,
        locale=kept.locale,
        owner_id=str(kept.owner_id or ""),
        team_id=str(kept.team_id or ""),
        state=_STATES[kept.state],
        issue=kept.issue,
        send_failure=kept.send_failure,
        message_id=str(kept.message_id or ""),
        link=link if kept.issue else "",
        answer_name=kept.answer_name,
        answer_reason=kept.answer_reason,
        send_time=times.out(kept.send_time),
        view_time=times.out(kept.view_time),
        view_count=kept.view_count,
        answer_time=times.out(kept.answer_time),
        expire_time=times.out(kept.expire_time),
        creator_id=kept.creator_id,
        create_time=times.out(kept.create_time),
        update_time=times.out(kept.update_time),
        accepted_life_stage_id=str(kept.accepted_life_stage_id or ""),
        stage_move=kept.stage_move,
        send_failure_reason=kept.send_failure_reason,
        attachments=attachments(kept.attachments),
    )


def whole(kept: Proposal, link: str) -> proposal_pb2.Proposal:
    """Returns a proposal with its lines."""
    return out(kept, link, [pricing.price(line) for line in kept.lines])


def attachments(kept: Sequence[Attachment]) -> list[proposal_pb2.ProposalAttachment]:
    """Returns files as they are listed."""
    return [
        proposal_pb2.ProposalAttachment(
            name=it.name, media_type=it.media_type, size=it.size, hash=it.hash
        )
        for it in kept
    ]


def file(kept: Attachment, data: bytes) -> proposal_pb2.ProposalFile:
    """Returns a file to be kept."""
    return proposal_pb2.ProposalFile(data=data, file_name=kept.name, media_type=kept.media_type)


def public(
    kept: Proposal, html: str, files: Sequence[Attachment] = ()
) -> proposal_pb2.PublicProposal:
    """Returns what the holder of the link sees; `html` is empty where nothing is to be read."""
    sheet = kept.document if html else None
    return proposal_pb2.PublicProposal(
        number=kept.number,
        title=sheet["title"] if sheet else "",
        state=_STATES[kept.state],
        issue=kept.issue,
        html=html,
        total=sheet["total"] if sheet else "",
        valid_until=kept.valid_until.isoformat(),
        locale=kept.locale,
        answer_name=kept.answer_name,
        answer_time=times.out(kept.answer_time),
        attachments=attachments(files),
    )


def line(priced: Priced) -> proposal_pb2.ProposalLine:
    """Returns a line with what it comes to."""
    given = priced.line
    return proposal_pb2.ProposalLine(
        description=given.description,
        quantity=given.quantity,
        unit=given.unit,
        unit_price=given.unit_price,
        discount_percent=given.discount_percent,
        discount_amount=given.discount_amount,
        vat_rate=_RATES[given.vat],
        gross=priced.gross,
        discount=priced.discount,
        net=priced.net,
    )


def totals(kept: Totals) -> proposal_pb2.ProposalTotals:
    """Returns sums."""
    return proposal_pb2.ProposalTotals(
        gross=kept.gross,
        discount=kept.discount,
        net=kept.net,
        vat=kept.vat,
        total=kept.total,
        groups=[
            proposal_pb2.VatGroup(rate=_RATES[it.vat_rate], net=it.net, vat=it.vat)
            for it in kept.groups
        ],
    )


def fields(given: proposal_pb2.Proposal, paths: Sequence[str]) -> dict[str, Any]:
    """Returns the named fields as plain values."""
    values: dict[str, Any] = {}
    for path in paths:
        value = getattr(given, path)
        values[path] = [read_line(it) for it in value] if path == "lines" else value
    return values


def read_line(given: proposal_pb2.ProposalLine) -> Line:
    """Returns a line as it was given."""
    return Line(
        description=given.description,
        quantity=given.quantity,
        unit=given.unit,
        unit_price=given.unit_price,
        discount_percent=given.discount_percent,
        discount_amount=given.discount_amount,
        vat=_RATE_OF.get(given.vat_rate, Vat.NONE),
    )


def states(given: Sequence["proposal_pb2.ProposalState.ValueType"]) -> list[State]:
    """Returns the states of a filter; one that is not said is left out."""
    return [_STATE_OF[each] for each in given if each in _STATE_OF]


def template(kept: Template) -> proposal_pb2.ProposalTemplate:
    """Returns one version of a template."""
    return proposal_pb2.ProposalTemplate(
        id=str(kept.id),
        revision=kept.revision,
        etag=str(kept.revision),
        name=kept.name,
        blocks=[
            proposal_pb2.ProposalBlock(
                kind=(
                    proposal_pb2.BLOCK_KIND_PRICES
                    if it.kind is Kind.PRICES
                    else proposal_pb2.BLOCK_KIND_TEXT
                ),
                heading=it.heading,
                text=it.text,
            )
            for it in kept.blocks
        ],
        version=kept.version,
        author_id=kept.author_id,
        create_time=times.out(kept.create_time),
        update_time=times.out(kept.update_time),
        attachments=attachments(kept.attachments),
    )


def blocks(given: Sequence[proposal_pb2.ProposalBlock]) -> list[Block]:
    """Returns the blocks as they were given."""
    return [
        Block(
            Kind.PRICES if it.kind == proposal_pb2.BLOCK_KIND_PRICES else Kind.TEXT,
            it.heading,
            it.text,
        )
        for it in given
    ]


def event(kept: Event) -> proposal_pb2.ProposalEvent:
    """Returns one line of a history."""
    return proposal_pb2.ProposalEvent(
        id=str(kept.id),
        proposal_id=str(kept.proposal_id),
        time=times.out(kept.time),
        kind=kept.kind.value,
        actor=kept.actor,
        issue=kept.issue,
        text=kept.text,
    )


def news(kept: Proposal, kind: Happened) -> Message | None:
    """Returns the event that tells others of it; None for what stays in the house."""
    made = _EVENTS.get(kind)
    return made(proposal=out(kept)) if made else None
