"""Says what an entry of a contact's story holds, kind by kind."""

from collections.abc import Callable, Mapping
from datetime import date

from crm.interactions.v1 import note_pb2
from google.protobuf.timestamp_pb2 import Timestamp
from markupsafe import Markup

from services.gateway import bundle
from services.gateway.web import desk, follow_up_progress, formats, lookups, words

Details = Mapping[str, str]

ICONS = {
    "note": "note",
    "follow_up": "calendar-event",
    "interaction": "phone",
    "visit": "users",
    "letter": "mail",
    "web": "message",
    "contact_created": "user-plus",
    "contact_imported": "file-import",
    "stage_changed": "arrow-right",
    "converted": "user-check",
    "transaction": "shopping-cart",
    "consent_given": "shield-check",
    "consent_withdrawn": "shield-off",
    "message": "send",
    "proposal": "file-text",
    "request": "message",
    "mentioned": "at",
    "assigned": "calendar-event",
    "proposal_answered": "file-text",
    "proposal_undelivered": "alert-circle",
    "batch_assigned": "users",
    "series_assigned": "repeat",
    "handed_over": "user-check",
    "follow_up_failed": "alert-circle",
    "reminder": "clock",
    "call": "phone",
    "sms": "message",
    "email": "mail",
    "meeting": "users",
}


def entry_icon(kind: str) -> Markup:
    """Return the icon of an entry of a story, of a kind of follow-up or of notification."""
    return bundle.icon(ICONS.get(kind, "point"))


def actor_name(actor: str) -> str:
    """Return who did it: a colleague's name, or what did it by itself."""
    return words.known(desk.language(), f"actor.{actor}", "") or lookups.user_name(actor)


def entry_text(entry: note_pb2.TimelineEntry) -> str:
    """Return what an entry says; the details of a kind that is not known here as they are."""
    tell = TELLERS.get(entry.kind, _as_it_is)
    return " · ".join(it for it in tell(entry.details) if it)


def _as_it_is(it: Details) -> list[str]:
    return list(it.values())


def _word(family: str, details: Details, name: str) -> str:
    value = details.get(name, "")
    return words.known(desk.language(), f"{family}.{value.lower()}", value) if value else ""


def _move(before: str, after: str) -> str:
    return f"{before or '–'} → {after or '–'}" if before != after else ""


def _stage_changed(it: Details) -> list[str]:
    stages = _move(lookups.stage_name(it.get("from", "")), lookups.stage_name(it.get("to", "")))
    statuses = _move(_word("status", it, "from_status"), _word("status", it, "to_status"))
    return [stages, statuses, it.get("reason", "")]


def _transaction(it: Details) -> list[str]:
    amount = it.get("amount", "")
    told = ""
    if amount.lstrip("-").isdigit():
        told = formats.money(desk.language(), int(amount), it.get("currency", "") or "VND")
    kind = _word("transaction", it, "type")
    named = [kind, told, it.get("external_id", ""), it.get("shop", ""), it.get("status", "")]
    return [*named, _payment(it)]


def _payment(it: Details) -> str:
    """Return when an invoice was paid, or until when it is to be."""
    language = desk.language()
    try:
        if it.get("paid_time"):
            paid = Timestamp()
            paid.FromJsonString(it["paid_time"])
            return desk.t("transaction.paid", when=formats.moment(language, paid, desk.time_zone()))
        if it.get("due_date"):
            due = date.fromisoformat(it["due_date"])
            return desk.t("transaction.due", day=formats.day(language, due))
    except ValueError:
        pass  # a later release may tell it otherwise
    return ""


def _message(it: Details) -> list[str]:
    reason = it.get("reason", "").lower()
    language = desk.language()
    why = words.known(
        language, f"exclusion.{reason}", words.known(language, f"reason.{reason}", "")
    )
    return [
        it.get("campaign", ""),
        _word("channel", it, "channel"),
        _word("recipient", it, "state"),
        why or it.get("reason", ""),
    ]


def _consent(it: Details) -> list[str]:
    return [_word("channel", it, "channel"), _word("purpose", it, "purpose"), it.get("method", "")]


def _follow_up(it: Details) -> list[str]:
    told = [it.get("title", ""), _word("type", it, "type"), _word("follow_up", it, "status")]
    return [*told, words.outcome(desk.language(), it.get("outcome", ""))]


def _reminder(it: Details) -> list[str]:
    state = follow_up_progress.as_recipient(it.get("state", ""))
    why = it.get("reason", "")
    told = [_word("type", it, "type"), _word("channel", it, "channel")]
    told.append(words.known(desk.language(), f"recipient.{state}", state))
    return [*told, follow_up_progress.reason_text(why) if why else ""]


def _interaction(it: Details) -> list[str]:
    seconds = it.get("seconds", "")
    minutes = (int(seconds) + 59) // 60 if seconds.isdecimal() else 0
    told = [_word("interaction", it, "kind"), _word("direction", it, "direction")]
    told.append(_word("result", it, "result") if it.get("result") != "reached" else "")
    return [*told, desk.t("log.n_minutes", n=minutes) if minutes else "", it.get("text", "")]


def _proposal(it: Details) -> list[str]:
    told = [it.get("number", ""), it.get("title", ""), _word("proposal_event", it, "event")]
    return [*told, proposal_event_text(it.get("event", ""), it.get("text", ""))]


def _request(it: Details) -> list[str]:
    return [_word("request_kind", it, "kind"), it.get("subject", ""), it.get("text", "")]


def proposal_event_text(kind: str, text: str) -> str:
    """Return what is told of a proposal's event: people's own words, or a code in words."""
    if kind in ("commented", "accepted", "declined", "withdrawn", "send_failed"):
        return text
    family = "stage_refusal" if kind == "stage_refused" else "reason"
    return words.known(desk.language(), f"{family}.{text.lower()}", text)


TELLERS: Mapping[str, Callable[[Details], list[str]]] = {
    "note": lambda it: [it.get("text", "")],
    "follow_up": _follow_up,
    "interaction": _interaction,
    "contact_created": lambda it: [lookups.source_name(it.get("source", ""))],
    "contact_imported": lambda it: [_word("outcome", it, "result")],
    "stage_changed": _stage_changed,
    "converted": lambda it: [_word("converted_by", it, "by")],
    "transaction": _transaction,
    "consent_given": _consent,
    "consent_withdrawn": _consent,
    "message": _message,
    "proposal": _proposal,
    "request": _request,
    "reminder": _reminder,
}
