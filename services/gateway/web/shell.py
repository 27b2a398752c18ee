"""What every page shares: who may see it, and the functions its template has."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlencode

from crm.access.v1 import access_pb2
from crm.accounts.v1 import contact_login_pb2, user_pb2
from crm.campaigns.v1 import campaign_pb2, run_pb2, template_pb2
from crm.interactions.v1 import (
    follow_up_batch_pb2,
    follow_up_pb2,
    interaction_pb2,
    notification_pb2,
    proposal_pb2,
    request_pb2,
    series_pb2,
)
from crm.leads.v1 import consent_pb2, contact_pb2, erasure_pb2, import_pb2, segment_pb2
from crm.notifier.v1 import doubt_pb2, message_pb2
from flask import Blueprint, Flask, g, request, url_for
from werkzeug.wrappers import Response

from chassis import errors
from services.gateway import clients, downloads
from services.gateway.web import desk, follow_ups, formats, lookups, names, story, telling, words
from services.gateway.web.forms import Form

OPEN_ENDPOINTS = frozenset(
    f"web.{name}"
    for name in (
        *("sign_in", "try_sign_in", "sign_in_code", "try_code"),
        *("forgot", "ask_link", "password_link", "choose_password"),
        *("oidc_begin", "oidc_callback"),
    )
)
"""Pages of people who are not signed in."""
AS_ONESELF = frozenset({"web.view_as", "web.sign_out", "web.language"})
"""What works whichever role one looks through."""

QUIET_ENDPOINT = "web.bell"
"""Asked by open pages on their own: it must not take anybody away from a half-filled form."""

ENUMS: Mapping[str, Any] = {
    "kind": contact_pb2.ContactKind,
    "status": contact_pb2.LeadStatus,
    "gender": contact_pb2.Gender,
    "channel": template_pb2.Channel,
    "markup": template_pb2.Markup,
    "purpose": template_pb2.Purpose,
    "consent": consent_pb2.ConsentAction,
    "erasure": erasure_pb2.ErasureState,
    "erasure_reason": erasure_pb2.ErasureReason,
    "import_state": import_pb2.ImportState,
    "outcome": import_pb2.RowOutcome,
    "run": campaign_pb2.RunState,
    "pause": run_pb2.RunPauseReason,
    "exclusion": campaign_pb2.ExclusionReason,
    "recipient": run_pb2.RecipientState,
    "unreached": campaign_pb2.UnreachedState,
    "message": message_pb2.MessageState,
    "doubt_act": doubt_pb2.DoubtAct,
    "doubt_teller": doubt_pb2.DoubtTeller,
    "type": follow_up_pb2.FollowUpType,
    "follow_up": follow_up_pb2.FollowUpStatus,
    "interaction": interaction_pb2.InteractionKind,
    "direction": interaction_pb2.InteractionDirection,
    "result": interaction_pb2.InteractionResult,
    "notification": notification_pb2.NotificationKind,
    "proposal": proposal_pb2.ProposalState,
    "request": request_pb2.RequestState,
    "request_kind": request_pb2.RequestKind,
    "vat": proposal_pb2.VatRate,
    "block": proposal_pb2.BlockKind,
    "series_state": series_pb2.SeriesState,
    "batch_state": follow_up_batch_pb2.FollowUpBatchState,
    "match": segment_pb2.Match,
    "level": user_pb2.Level,
    "api_client": user_pb2.ApiClientState,
    "login": contact_login_pb2.ContactLoginState,
    "login_problem": contact_login_pb2.ContactLoginProblem,
    "login_channel": contact_login_pb2.LoginChannel,
    "ground": access_pb2.Ground,
}
"""Families of the catalogue that name an enum's values: `status.new` is LEAD_STATUS_NEW."""


def add(pages: Blueprint, app: Flask) -> None:
    """Guard the pages and give their templates what they call."""
    pages.before_request(_admit)
    app.context_processor(_globals)
    for tell in (telling.ident, telling.pairs, telling.with_words, telling.source_words):
        app.add_template_filter(tell)


def _admit() -> Response | desk.View | None:
    sessions = desk.gateway().sessions
    secret = sessions.secret_of(request)
    if request.endpoint in OPEN_ENDPOINTS:
        return None
    if not secret:
        return _to_sign_in()
    sessions.check_csrf(request, secret)
    view = "" if request.endpoint in AS_ONESELF else sessions.view_of(request)
    try:
        g.who = sessions.who(secret, view)
    except errors.Unauthenticated:
        return _to_sign_in()
    except errors.NotFound:  # a role that is gone, or an id that never was one
        g.who = sessions.who(secret)
    g.csrf_token = sessions.csrf_token(secret)
    clients.act_as(g.who.token)
    return None


def _to_sign_in() -> desk.View:
    if request.endpoint == QUIET_ENDPOINT:
        return Response(status=204)
    back = request.full_path.rstrip("?") if request.method == "GET" and not desk.partial() else ""
    return desk.to(url_for("web.sign_in", next=back if back not in ("", "/") else None))


def _globals() -> dict[str, Any]:
    """Return what templates call; made per request, since language and zone are the reader's."""
    if not desk.in_page():
        return {}
    language, zone = desk.language(), desk.time_zone()
    return {
        "t": desk.t,
        "lang": language,
        "other_lang": "en" if language == "vi" else "vi",
        "who": desk.who(),
        "csrf_token": g.get("csrf_token", ""),
        "known": lambda key, otherwise: words.known(language, key, otherwise),
        "short": lambda family, value: names.short(ENUMS[family], value),
        "word": lambda family, value: _word(family, value),
        "choices": lambda family: names.choices(ENUMS[family]),
        "complaint": lambda said: words.complaint(language, said),
        "number": lambda value: formats.number(language, value),
        "percent": lambda part, whole: formats.percent(language, part, whole),
        "moment": lambda value: formats.moment(language, value, zone),
        "instant": lambda value: formats.instant(language, value, zone),
        "day_text": lambda value: formats.day(language, value),
        "iso_day": lambda text: formats.day(language, date.fromisoformat(text)) if text else "",
        "size": lambda value: downloads.size(language, value),
        "money": lambda amount, currency: formats.money(language, amount, currency),
        "phone": formats.phone,
        "here": here,
        "unanswered": lambda: g.get("unanswered", []),
        "forbidden": lambda: g.get("forbidden", []),
        "may": _may,
        "hides": desk.hides,
        "hidden_words": desk.hidden_words,
        "user_name": lookups.user_name,
        "team_name": lookups.team_name,
        "source_name": lookups.source_name,
        "stage_name": lookups.stage_name,
        "segment_name": lookups.segment_name,
        "fresh_id": desk.fresh_id,
        "blank_form": lambda prefix="": Form(prefix=prefix),
        "birthday": telling.birthday,
        "outcome_text": lambda said: words.outcome(desk.language(), said),
        "entry_icon": story.entry_icon,
        "entry_text": story.entry_text,
        "proposal_event_text": story.proposal_event_text,
        "actor_name": story.actor_name,
        "input_word": telling.input_word,
        "shown_value": telling.shown_value,
        "delimiter_name": telling.delimiter_name,
        "condition_text": telling.condition_text,
        "is_overdue": follow_ups.overdue,
        "partial": desk.partial(),
    }


def _word(family: str, value: int) -> str:
    name = names.short(ENUMS[family], value)
    return words.known(desk.language(), f"{family}.{name}", name)


def _may(resource: str, action: str) -> bool:
    person = desk.who()
    return person is not None and person.may(resource, action)


def here(**changed: str | None) -> str:
    """Return the address of this page with some of its query changed, None leaving one out."""
    query = request.args.copy()
    for name, value in changed.items():
        query.poplist(name)
        if value is not None:
            query[name] = value
    pairs = list(query.items(multi=True))
    return f"{request.path}?{urlencode(pairs)}" if pairs else request.path
