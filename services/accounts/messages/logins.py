"""Customers' logins between the domain and their protobuf form."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from crm.accounts.v1 import contact_login_pb2 as pb2
from crm.accounts.v1 import contact_login_service_pb2 as service_pb2
from crm.accounts.v1 import events_pb2, portal_service_pb2
from crm.leads.v1 import contact_pb2
from crm.leads.v1 import events_pb2 as lead_events
from google.protobuf.message import DecodeError

from chassis import scope
from chassis.rpc import times
from services.accounts.domain.logins import (
    Channel,
    ContactLogin,
    ContactSession,
    Invitation,
    Person,
    Problem,
    State,
)

_STATES: Mapping[State, "pb2.ContactLoginState.ValueType"] = {
    State.INVITED: pb2.CONTACT_LOGIN_STATE_INVITED,
    State.ACTIVE: pb2.CONTACT_LOGIN_STATE_ACTIVE,
    State.DISABLED: pb2.CONTACT_LOGIN_STATE_DISABLED,
}
_PROBLEMS: Mapping[Problem, "pb2.ContactLoginProblem.ValueType"] = {
    Problem.NONE: pb2.CONTACT_LOGIN_PROBLEM_UNSPECIFIED,
    Problem.ADDRESS_TAKEN: pb2.CONTACT_LOGIN_PROBLEM_ADDRESS_TAKEN,
    Problem.NOT_SENT: pb2.CONTACT_LOGIN_PROBLEM_NOT_SENT,
    Problem.CONTACT_DELETED: pb2.CONTACT_LOGIN_PROBLEM_CONTACT_DELETED,
    Problem.ADDRESS_CHANGED: pb2.CONTACT_LOGIN_PROBLEM_ADDRESS_CHANGED,
}
_CHANNELS: Mapping[Channel, "pb2.LoginChannel.ValueType"] = {
    Channel.SMS: pb2.LOGIN_CHANNEL_SMS,
    Channel.EMAIL: pb2.LOGIN_CHANNEL_EMAIL,
}
_BY_NUMBER = {number: state for state, number in _STATES.items()}


class NoFact(Exception):
    """Bytes that tell of no contact."""


def login(kept: ContactLogin) -> pb2.ContactLogin:
    """Returns a login as those may see it who may see its contact."""
    return pb2.ContactLogin(
        id=str(kept.id),
        revision=kept.revision,
        etag=str(kept.revision),
        contact_id=str(kept.contact_id),
        display_name=kept.display_name,
        language=kept.language,
        channel=_CHANNELS[kept.channel],
        address=kept.address,
        state=_STATES[kept.state],
        problem=_PROBLEMS[kept.problem],
        has_password=bool(kept.password_hash),
        invite_time=times.out(kept.invite_time),
        last_sign_in_time=times.out(kept.last_sign_in_time),
        create_time=times.out(kept.create_time),
    )


def channel(number: int) -> Channel | None:
    """Returns the channel of a number, None for one that is none."""
    return Channel(number) if number in set(Channel) else None


def states(numbers: Sequence["pb2.ContactLoginState.ValueType"]) -> list[State | None]:
    """Returns the states of numbers, None for those that are none."""
    return [_BY_NUMBER.get(number) for number in numbers]


def signed_in(
    secret: str, expire_time: datetime, kept: ContactLogin
) -> service_pb2.SignInContactResponse:
    """Returns a new session."""
    return service_pb2.SignInContactResponse(
        session_secret=secret, expire_time=times.out(expire_time), contact_login=login(kept)
    )


def invitation(
    found: Invitation, kept: ContactLogin
) -> service_pb2.DescribeContactInvitationResponse:
    """Returns whom an invitation is for."""
    return service_pb2.DescribeContactInvitationResponse(
        display_name=kept.display_name,
        language=kept.language,
        address=kept.address,
        expire_time=times.out(found.expire_time),
    )


def exported(
    kept: ContactLogin | None, sessions: Sequence[ContactSession]
) -> portal_service_pb2.ExportMyLoginResponse:
    """Returns a login, and the browsers signed in, as the customer sees them."""
    if kept is None:
        return portal_service_pb2.ExportMyLoginResponse()
    mine = portal_service_pb2.MyLogin(
        channel=_CHANNELS[kept.channel],
        address=kept.address,
        language=kept.language,
        has_password=bool(kept.password_hash),
        invite_time=times.out(kept.invite_time),
        last_sign_in_time=times.out(kept.last_sign_in_time),
        create_time=times.out(kept.create_time),
    )
    return portal_service_pb2.ExportMyLoginResponse(
        login=mine,
        sessions=[
            portal_service_pb2.MySession(
                user_agent=it.user_agent,
                ip=it.ip,
                create_time=times.out(it.create_time),
                last_use_time=times.out(it.last_use_time),
            )
            for it in sessions
        ],
    )


def session_revoked(ended: ContactSession) -> events_pb2.SessionRevoked:
    """Returns the event that a customer's session ended before its time."""
    return events_pb2.SessionRevoked(session_id=str(ended.id), secret_hash=ended.secret_hash.hex())


def person(contact: contact_pb2.Contact) -> Person:
    """Returns a contact of leads, with where to reach them: the primary address, or the first.

    One that is known to be dead is none.
    """
    phones = [(it.primary, it.number) for it in contact.phones if it.valid]
    emails = [(it.primary, it.address) for it in contact.emails if it.valid]
    reached = {Channel.SMS: _first(phones), Channel.EMAIL: _first(emails)}
    return Person(
        contact_id=UUID(contact.id),
        name=contact.display_name or contact.reference_code,
        locale=contact.locale,
        addresses={by: address for by, address in reached.items() if address},
        owners=[UUID(it) for it in contact.owner_ids],
        team_id=scope.identity(contact.team_id),
        every_address=[
            *(it.number for it in contact.phones),
            *(it.address for it in contact.emails),
        ],
    )


def wanted(payload: bytes) -> tuple[Person, Channel]:
    """Reads who shall sign in, and by which channel; raises `NoFact`."""
    try:
        told = lead_events.ContactLoginWanted.FromString(payload)
        by, contact_id = Channel(told.channel), UUID(told.contact_id)
    except (DecodeError, ValueError) as unfit:
        raise NoFact(type(unfit).__name__) from unfit
    if not told.address:
        raise NoFact("address")
    return Person(contact_id, told.display_name, told.locale, {by: told.address}), by


def changed_contact(payload: bytes) -> Person:
    """Reads how a contact is now; raises `NoFact`."""
    try:
        return person(lead_events.ContactUpdated.FromString(payload).contact)
    except (DecodeError, ValueError) as unfit:
        raise NoFact(type(unfit).__name__) from unfit


def deleted_contact(payload: bytes) -> UUID:
    """Reads which contact was deleted; raises `NoFact`."""
    try:
        return UUID(lead_events.ContactDeleted.FromString(payload).contact_id)
    except (DecodeError, ValueError) as unfit:
        raise NoFact(type(unfit).__name__) from unfit


def _first(addresses: Sequence[tuple[bool, str]]) -> str:
    return max(addresses, key=lambda it: it[0])[1] if addresses else ""
