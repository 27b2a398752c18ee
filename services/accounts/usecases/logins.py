"""Customers' logins as staff keep them."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

import uuid_utils.compat
from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import errors
from services.accounts.domain import fields, lockout, reachable
from services.accounts.domain import logins as rules
from services.accounts.domain.logins import Channel, ContactLogin, Person, Problem, State
from services.accounts.storage import contact_codes, contact_sessions, invitations, logins, sessions
from services.accounts.usecases import announce, contact_letters
from services.accounts.usecases.found import existing, unchanged

_SETTINGS = {
    Channel.SMS: "MEKONG_CONTACT_SMS_IDENTITY_ID",
    Channel.EMAIL: "MEKONG_CONTACT_EMAIL_IDENTITY_ID",
}


@dataclass(frozen=True)
class Senders:
    """By which channels this house writes to customers, and how many codes it sends a minute."""

    channels: Collection[Channel]
    per_minute: int

    def must_send(self, by: Channel) -> None:
        """Raises `FailedPrecondition` in a house that has no sender of such messages."""
        if by not in self.channels:
            raise errors.FailedPrecondition(
                "CONTACT_SENDER_MISSING",
                "messages to customers by this channel have no sender",
                setting=_SETTINGS[by],
            )


def account(address_key: str) -> str:
    """Names a customer's account among those whose attempts are counted; no e-mail is like it."""
    return f"contact {address_key}"


def address_of(person: Person, by: Channel) -> str:
    """Returns where a person is reached; raises `InvalidArgument` for somebody who is not."""
    if by not in person.addresses:
        raise errors.InvalidArgument(
            "FIELDS_INVALID",
            "the contact cannot be reached by this channel",
            violations=[errors.FieldViolation("channel", "the contact has no such address")],
        )
    return person.addresses[by]


async def create(session: AsyncSession, person: Person, by: Channel) -> ContactLogin:
    """Lets a contact sign in, and invites them.

    Raises `AlreadyExists` when the contact has a login, or somebody else has the address.
    """
    added = await logins.add(session, _columns(person, by))
    if added is None:
        has_one = await logins.by_contact(session, person.contact_id)
        field = "contact_id" if has_one else "channel"
        raise errors.AlreadyExists(
            "RESOURCE_EXISTS",
            f"a login with this {'contact' if has_one else 'address'} exists",
            resource="contact_login",
            field=field,
        )
    await announce.login(session, "create_login", added)
    await contact_letters.invite(session, added)
    return added


async def create_wanted(
    session: AsyncSession, senders: Senders, person: Person, by: Channel
) -> ContactLogin | None:
    """Makes the login of a contact who came to be with one; says in it what keeps it from working.

    None when there is one, or the contact is no more.
    """
    if await logins.is_deleted(session, person.contact_id):
        return None
    columns = _columns(person, by)
    unsent = by not in senders.channels
    added = await logins.add(
        session, {**columns, "problem": Problem.NOT_SENT if unsent else Problem.NONE}
    )
    if added is None:
        taken = {**columns, "address_key": None, "problem": Problem.ADDRESS_TAKEN}
        added = await logins.add(session, taken)
    if added is None:
        return None
    await announce.login(session, "create_login", added)
    if added.problem is Problem.NONE:
        await contact_letters.invite(session, added)
    return added


async def invite(
    session: AsyncSession, login_id: UUID, etag: str, person: Person, by: Channel
) -> ContactLogin:
    """Invites again, to the address that the contact has now.

    Raises `FailedPrecondition` as `may_be_invited`, `AlreadyExists` for somebody else's address.
    """
    before = await _locked(session, login_id, etag)
    columns = _columns(person, by)
    moves = columns["address_key"] != before.address_key
    rules.may_be_invited(before, moves=moves)
    names = ("display_name", "name_key", "language", "channel", "address", "address_key")
    changed = {name: columns[name] for name in names}
    changed |= {"problem": Problem.NONE, "invite_time": func.now(), "state": State.INVITED}
    changed["former_keys"] = before.keys_before(columns["address_key"])
    if moves:
        # What was proved or chosen by whoever reads the old address is not the new one's.
        changed |= {"password_hash": "", "last_sign_in_time": None}
        await _end_openings(session, before)
    now = await logins.change(session, login_id, changed)
    await announce.login(session, "invite_login", now, before)
    await contact_letters.invite(session, now)
    return now


async def disable(session: AsyncSession, login_id: UUID, etag: str) -> ContactLogin:
    """Lets a customer sign in no more and ends their sessions; once more does nothing."""
    before = await _locked(session, login_id, etag)
    if before.state is State.DISABLED:
        return before
    return await _changed(session, "disable_login", before, {"state": State.DISABLED})


async def enable(session: AsyncSession, login_id: UUID, etag: str) -> ContactLogin:
    """Lets a customer sign in again; one who may is left as they are."""
    before = await _locked(session, login_id, etag)
    if before.state is not State.DISABLED:
        return before
    return await _changed(session, "enable_login", before, {"state": rules.enabled(before)})


async def delete(session: AsyncSession, login_id: UUID, etag: str) -> None:
    """Forgets a login."""
    before = await _locked(session, login_id, etag)
    await _end_openings(session, before)
    await logins.remove(session, login_id)
    await announce.login(session, "delete_login", None, before)


async def contact_deleted(session: AsyncSession, contact_id: UUID) -> None:
    """Disables the login of a contact who is no more, and forgets how it was reached."""
    await logins.note_deleted(session, contact_id)
    before = await logins.by_contact(session, contact_id, lock=True)
    if before is None:
        return
    gone = _shut(before, Problem.CONTACT_DELETED)
    await _changed(session, "disable_login", before, {**gone, "address": ""})


async def contact_changed(session: AsyncSession, person: Person) -> None:
    """Takes over how a contact is called; disables the login of an address that is theirs no more.

    Whoever reads the old address, which may have been somebody else's by mistake, is signed out
    and gets no codes any more.
    """
    before = await logins.by_contact(session, person.contact_id, lock=True)
    if before is None or before.problem is Problem.CONTACT_DELETED:
        return
    name = fields.clean(person.name)
    known = {reachable.key(it) for it in person.every_address}
    named = {"display_name": name, "name_key": fields.sort_key(name), "language": person.language}
    noticed = before.problem is Problem.ADDRESS_CHANGED
    if not noticed and reachable.key(before.address) not in known:
        gone = {**named, **_shut(before, Problem.ADDRESS_CHANGED)}
        await _changed(session, "disable_login", before, gone)
    elif (before.display_name, before.language) != (name, person.language):
        now = await logins.change(session, before.id, named)
        await announce.login(session, "update_login", now, before)


async def forget(session: AsyncSession, contact_id: UUID) -> ContactLogin | None:
    """Ends and deletes the login of a contact who is erased, and lets none be made any more.

    Returns what it was; what is told of it names nobody.
    """
    await logins.note_deleted(session, contact_id)
    before = await logins.by_contact(session, contact_id, lock=True)
    if before is not None:
        await _end_openings(session, before)
        await logins.remove(session, before.id)
        await announce.login_deed(session, "delete_login", before)
    return before


async def get(session: AsyncSession, login_id: UUID) -> ContactLogin:
    """Returns one login; raises `NotFound`."""
    return existing(await logins.get(session, login_id), "contact_login", login_id)


async def end_others(
    session: AsyncSession, login: ContactLogin, *, but: UUID | None = None
) -> None:
    """Ends a customer's sessions, except one."""
    ended = await contact_sessions.end_all(session, login.id, but=but)
    await announce.contact_sessions_ended(session, login, ended)


def _shut(before: ContactLogin, why: Problem) -> dict[str, object]:
    """Returns what changes of a login whose address nobody is to sign in with any more."""
    return {
        "state": State.DISABLED,
        "problem": why,
        "address_key": None,
        "former_keys": before.keys_before(None),
        "password_hash": "",
    }


async def _changed(
    session: AsyncSession, action: str, before: ContactLogin, values: dict[str, object]
) -> ContactLogin:
    now = await logins.change(session, before.id, values)
    await _end_openings(session, before)
    await announce.login(session, action, now, before)
    return now


async def _end_openings(session: AsyncSession, login: ContactLogin) -> None:
    """Ends sessions, and what could become one."""
    await contact_codes.end(session, login.id)
    await invitations.end_all(session, login.id)
    await end_others(session, login)
    if login.address_key is not None:
        # Whoever comes next under this address does not wait for those before.
        await sessions.forget(session, [lockout.account_key(account(login.address_key))])


async def _locked(session: AsyncSession, login_id: UUID, etag: str) -> ContactLogin:
    found = existing(await logins.get(session, login_id, lock=True), "contact_login", login_id)
    unchanged(etag, found.revision, "contact_login", login_id)
    return found


def _columns(person: Person, by: Channel) -> dict[str, object]:
    address, name = address_of(person, by), fields.clean(person.name)
    return {
        "id": uuid_utils.compat.uuid7(),
        "revision": 1,
        "contact_id": person.contact_id,
        "display_name": name,
        "name_key": fields.sort_key(name),
        "language": person.language,
        "channel": by,
        "address": address,
        "address_key": reachable.key(address),
        "state": State.INVITED,
        "problem": Problem.NONE,
        "password_hash": "",
    }
