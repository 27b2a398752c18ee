"""Between the domain and its protobuf form."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from crm.accounts.v1 import (
    audit_pb2,
    audit_service_pb2,
    events_pb2,
    second_factor_pb2,
    session_pb2,
    session_service_pb2,
    user_pb2,
)
from google.protobuf.message import DecodeError
from google.protobuf.struct_pb2 import Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.context import Level
from chassis.rpc import times
from services.accounts.domain import clients
from services.accounts.domain.chain import Happening, Values
from services.accounts.domain.people import (
    ApiClient,
    ClientSecret,
    Role,
    SecondFactor,
    Session,
    Team,
    User,
)
from services.accounts.domain.rights import Rights, expanded
from services.accounts.domain.walking import Kind, Walk

Triple = tuple[str, str, Level | None]

_LEVELS: Mapping[Level, "user_pb2.Level.ValueType"] = {
    Level.NONE: user_pb2.LEVEL_NONE,
    Level.OWN: user_pb2.LEVEL_OWN,
    Level.TEAM: user_pb2.LEVEL_TEAM,
    Level.ALL: user_pb2.LEVEL_ALL,
}
_REACHES = {number: reach for reach, number in _LEVELS.items()}
_STATES: Mapping[clients.State, "user_pb2.ApiClientState.ValueType"] = {
    clients.State.ACTIVE: user_pb2.API_CLIENT_STATE_ACTIVE,
    clients.State.EXPIRED: user_pb2.API_CLIENT_STATE_EXPIRED,
    clients.State.REVOKED: user_pb2.API_CLIENT_STATE_REVOKED,
}
_LONGEST_NAME = 512
_NAMES = (
    "service",
    "actor_id",
    "actor_kind",
    "acting_service",
    "action",
    "subject_type",
    "subject_id",
    "request_id",
    "id",
)
_KINDS = {it: audit_pb2.AuditFindingKind.Value(f"AUDIT_FINDING_KIND_{it.name}") for it in Kind}


class NotAnEntry(Exception):
    """Bytes on an audit subject that tell of no change."""


def time(given: Timestamp) -> datetime:
    """Returns the time in UTC."""
    return given.ToDatetime(tzinfo=UTC)


def user(kept: User) -> user_pb2.User:
    """Returns a user as others may see it."""
    return user_pb2.User(
        id=str(kept.id),
        revision=kept.revision,
        etag=str(kept.revision),
        email=kept.email,
        display_name=kept.display_name,
        role_id=str(kept.role_id),
        team_id=str(kept.team_id or ""),
        locale=kept.locale,
        time_zone=kept.time_zone,
        active=kept.active,
        create_time=times.out(kept.create_time),
        last_sign_in_time=times.out(kept.last_sign_in_time),
        invited=kept.invited,
    )


def team(kept: Team) -> user_pb2.Team:
    """Returns a team."""
    return user_pb2.Team(
        id=str(kept.id), revision=kept.revision, etag=str(kept.revision), name=kept.name
    )


def role(kept: Role) -> user_pb2.Role:
    """Returns a role with its rights as they were given."""
    return user_pb2.Role(
        id=str(kept.id),
        revision=kept.revision,
        etag=str(kept.revision),
        name=kept.name,
        rights=rights(kept.rights),
        builtin=kept.builtin,
        hidden_fields=kept.hidden_fields,
    )


def api_client(kept: ApiClient, now: datetime, secret: str = "") -> user_pb2.ApiClient:
    """Returns a client as it is at `now`; its secret only in the answer that made it."""
    return user_pb2.ApiClient(
        id=str(kept.id),
        revision=kept.revision,
        etag=str(kept.revision),
        name=kept.name,
        rights=rights(kept.rights),
        secret=secret,
        active=kept.active,
        state=_STATES[clients.state(kept, now)],
        create_time=times.out(kept.create_time),
        last_use_time=times.out(kept.last_use_time),
        expire_time=times.out(kept.expire_time),
        requests_per_minute=kept.requests_per_minute,
        secrets=[_client_secret(it) for it in clients.good(kept, now)],
    )


def client_state(given: "user_pb2.ApiClientState.ValueType") -> clients.State | None:
    """Returns the state that a filter names, None for any."""
    return next((it for it, value in _STATES.items() if value == given), None)


def _client_secret(kept: ClientSecret) -> user_pb2.ApiClientSecret:
    return user_pb2.ApiClientSecret(
        create_time=times.out(kept.create_time),
        last_use_time=times.out(kept.last_use_time),
        expire_time=times.out(kept.expire_time),
    )


def rights(granted: Rights) -> list[user_pb2.Right]:
    """Returns rights as a list, ordered by resource and action."""
    return [
        user_pb2.Right(resource=resource, action=action, level=_LEVELS[Level(reach)])
        for resource, actions in sorted(granted.items())
        for action, reach in sorted(actions.items())
    ]


def plain_rights(kept: Role) -> list[user_pb2.Right]:
    """Returns what a role comes to, without wildcards."""
    return rights(expanded(kept.rights))


def triples(given: Sequence[user_pb2.Right]) -> list[Triple]:
    """Returns rights as (resource, action, level), the level None when it was not said."""
    return [(right.resource, right.action, _REACHES.get(right.level)) for right in given]


def user_fields(given: user_pb2.User, paths: Sequence[str]) -> dict[str, str]:
    """Returns the texts of the named fields."""
    return {path: getattr(given, path) for path in paths}


def session(kept: Session) -> session_pb2.Session:
    """Returns a session without its secret."""
    return session_pb2.Session(
        id=str(kept.id),
        user_id=str(kept.user_id),
        user_agent=kept.user_agent,
        ip=kept.ip,
        create_time=times.out(kept.create_time),
        last_use_time=times.out(kept.last_use_time),
        expire_time=times.out(kept.expire_time),
    )


def signed_in(made: Session, secret: str, kept: User) -> session_service_pb2.SignInResponse:
    """Returns a new session as SignIn answers it."""
    return session_service_pb2.SignInResponse(
        session_secret=secret, session=session(made), user=user(kept)
    )


def challenge(secret: str, expire_time: datetime) -> session_service_pb2.SignInResponse:
    """Returns what SignIn answers instead of a session."""
    return session_service_pb2.SignInResponse(
        challenge=secret, challenge_expire_time=times.out(expire_time)
    )


def second_factor(
    user_id: UUID, kept: SecondFactor | None, codes_left: int
) -> second_factor_pb2.SecondFactor:
    """Returns what is known of a user's second factor, None for one who has none."""
    return second_factor_pb2.SecondFactor(
        user_id=str(user_id),
        enrolled=kept is not None,
        enroll_time=times.out(kept.confirm_time) if kept else None,
        recovery_codes_left=codes_left,
    )


def issued(token: str, expire_time: datetime, scope: str) -> session_service_pb2.IssueTokenResponse:
    """Returns a token as IssueToken answers it."""
    return session_service_pb2.IssueTokenResponse(
        token=token, expire_time=times.out(expire_time), scope=scope
    )


def user_changed(kept: User) -> events_pb2.UserChanged:
    """Returns the event that a user was added or changed."""
    return events_pb2.UserChanged(user=user(kept))


def team_changed(kept: Team) -> events_pb2.TeamChanged:
    """Returns the event that a team was added or changed."""
    return events_pb2.TeamChanged(team=team(kept))


def role_changed(kept: Role) -> events_pb2.RoleChanged:
    """Returns the event that a role was added or changed."""
    return events_pb2.RoleChanged(role=role(kept))


def session_revoked(ended: Session) -> events_pb2.SessionRevoked:
    """Returns the event that a session ended before its time."""
    return events_pb2.SessionRevoked(session_id=str(ended.id), secret_hash=ended.secret_hash.hex())


def happening(payload: bytes) -> Happening:
    """Reads what a service wrote to its audit subject; raises `NotAnEntry`."""
    try:
        told = _plain(Struct.FromString(payload))
        actor = told.get("actor") or {}
        return Happening(
            id=_name(told["id"]),
            time=_moment(told["time"]),
            service=_name(told["service"]),
            actor_id=_name(actor.get("subject") or ""),
            actor_kind=_name(actor.get("kind") or ""),
            acting_service=_name(actor.get("actor") or ""),
            action=_name(told["action"]),
            subject_type=_name(told["subject_type"]),
            subject_id=_name(told["subject_id"]),
            request_id=_name(told.get("request_id") or ""),
            before=_values(told.get("before")),
            after=_values(told.get("after")),
        )
    except (DecodeError, KeyError, ValueError, TypeError, AttributeError, OverflowError) as unfit:
        raise NotAnEntry(type(unfit).__name__) from unfit


def _plain(told: Struct) -> dict[str, Any]:
    """Returns what a Struct holds, whole numbers as such; the library takes four times as long."""
    return {name: _value(it) for name, it in told.fields.items()}


def _value(told: Value) -> Any:
    match told.WhichOneof("kind"):
        case "string_value":
            return told.string_value
        case "number_value":
            number = told.number_value
            # Raises for what is no number, as JSON has none.
            return int(number) if int(number) == number else number
        case "bool_value":
            return told.bool_value
        case "struct_value":
            return _plain(told.struct_value)
        case "list_value":
            return [_value(it) for it in told.list_value.values]
    return None


def _name(told: object) -> str:
    """Returns a text that a column and its index hold; raises `ValueError` for another."""
    if not isinstance(told, str) or len(told) > _LONGEST_NAME or "\0" in told:
        raise ValueError("not a name")
    return told


def _moment(told: str) -> datetime:
    """Returns a time with its zone, without which nobody could tell when it was."""
    moment = datetime.fromisoformat(told)
    if moment.tzinfo is None:
        raise ValueError("a time without zone")
    return moment.astimezone(UTC)


def _values(told: object) -> Values | None:
    if told is not None and not isinstance(told, dict):
        raise TypeError("values have names")
    return told


def audit_entry(
    happened: Happening, sequence: int, entry_hash: bytes, *, erased: bool
) -> audit_pb2.AuditEntry:
    """Returns an entry with the values that can still be read."""
    return audit_pb2.AuditEntry(
        sequence=sequence,
        time=times.out(happened.time),
        before=_struct(happened.before),
        after=_struct(happened.after),
        hash=entry_hash.hex(),
        erased=erased,
        **_names(happened),
    )


def audit_line(happened: Happening, sequence: int, entry_hash: bytes) -> audit_pb2.AuditLine:
    """Returns an entry as a line of a file."""
    return audit_pb2.AuditLine(
        sequence=sequence,
        time=happened.time.astimezone(UTC).isoformat(),
        before=_json(happened.before),
        after=_json(happened.after),
        hash=entry_hash.hex(),
        **_names(happened),
    )


def verdict(walk: Walk, newest: int, page_token: str) -> audit_service_pb2.VerifyAuditResponse:
    """Returns how far the chain was followed and what was found."""
    found = [
        audit_pb2.AuditFinding(kind=_KINDS[it.kind], first=it.first, last=it.last)
        for it in walk.findings
    ]
    return audit_service_pb2.VerifyAuditResponse(
        intact=not found,
        entries=walk.entries,
        broken_at=min((it.first for it in found), default=0),
        head=walk.head.hex(),
        findings=found,
        next_page_token=page_token,
        newest=newest,
    )


def _names(happened: Happening) -> dict[str, str]:
    return {name: getattr(happened, name) for name in _NAMES}


def _json(values: Values | None) -> str:
    return "" if values is None else json.dumps(values, ensure_ascii=False, sort_keys=True)


def _struct(values: Values | None) -> Struct | None:
    if values is None:
        return None
    made = Struct()
    made.update(dict(values))
    return made
