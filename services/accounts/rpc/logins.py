"""Who of the customers may sign in, for staff."""

from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

import grpc
from crm.accounts.v1 import contact_login_pb2
from crm.accounts.v1 import contact_login_service_pb2 as pb2
from crm.accounts.v1 import contact_login_service_pb2_grpc as pb2_grpc
from google.protobuf import empty_pb2
from pydantic import SecretStr

from chassis import context, db, errors
from chassis.context import Level
from chassis.db import idempotency, paging
from services.accounts.clients.peers import Contacts
from services.accounts.domain import fields, reachable
from services.accounts.domain.logins import Channel, ContactLogin
from services.accounts.messages import logins as messages
from services.accounts.storage import logins as kept_logins
from services.accounts.storage.logins import Wanted
from services.accounts.usecases import found, logins
from services.accounts.usecases.logins import Senders

Context = grpc.aio.ServicerContext[Any, Any]
Login = contact_login_pb2.ContactLogin

_LONGEST_QUERY = 200
_MOST_IDS = 1_000
_READ_AT_ONCE, _ROUNDS = 500, 5
_ADDRESSES = frozenset({"contacts.phones", "contacts.emails"})


class ContactLoginServicer(pb2_grpc.ContactLoginServiceServicer):
    """Serves `ContactLoginService`."""

    def __init__(
        self, sessions: db.Sessions, contacts: Contacts, senders: Senders, seal_key: SecretStr
    ) -> None:
        self._sessions = sessions
        self._contacts = contacts
        self._senders = senders
        self._seal_key = seal_key

    async def CreateContactLogin(
        self, request: pb2.CreateContactLoginRequest, context: Context
    ) -> Login:
        """Lets a contact sign in whom the caller may change."""
        problems = fields.Problems()
        contact_id = fields.uuid(request.contact_id, "contact_id", problems)
        by = _channel(request.channel, problems)
        problems.raise_if_any()
        assert contact_id is not None and by is not None  # noqa: S101, PT018 (or a problem)
        self._senders.must_send(by)
        person = await self._contacts.within(contact_id, "write")
        async with self._sessions.begin() as session:

            async def create() -> Login:
                return messages.login(await logins.create(session, person, by))

            return await idempotency.once(session, "CreateContactLogin", request, Login, create)

    async def GetContactLogin(self, request: pb2.GetContactLoginRequest, context: Context) -> Login:
        """Returns one login."""
        return messages.login(await self._held(request.id, "read"))

    async def ListContactLogins(
        self, request: pb2.ListContactLoginsRequest, context: Context
    ) -> pb2.ListContactLoginsResponse:
        """Lists logins by name."""
        wanted, told = _wanted(request)
        page = paging.read(request.page_size, request.page_token, told, self._seal_key)
        after = cast(tuple[str, UUID] | None, page.after)
        shown, last = await self._listed(wanted, page.size, after)
        return pb2.ListContactLoginsResponse(
            contact_logins=[messages.login(it) for it in shown],
            next_page_token=paging.token([*last], told, self._seal_key) if last else "",
        )

    async def InviteContact(self, request: pb2.InviteContactRequest, context: Context) -> Login:
        """Sends another invitation, to the address that the contact has now."""
        login_id, by = found.parsed(request.id, "contact_login"), messages.channel(request.channel)
        if request.channel and by is None:
            problems = fields.Problems()
            problems.add("channel", "is not one of the choices")
            problems.raise_if_any()
        async with self._sessions.begin() as session:
            login = await logins.get(session, login_id)
        by = by or login.channel
        self._senders.must_send(by)
        person = await self._contacts.within(login.contact_id, "write")
        async with self._sessions.begin() as session:
            return messages.login(await logins.invite(session, login_id, request.etag, person, by))

    async def DisableContactLogin(
        self, request: pb2.DisableContactLoginRequest, context: Context
    ) -> Login:
        """Lets a customer sign in no more."""
        login = await self._held(request.id, "write")
        async with self._sessions.begin() as session:
            return messages.login(await logins.disable(session, login.id, request.etag))

    async def EnableContactLogin(
        self, request: pb2.EnableContactLoginRequest, context: Context
    ) -> Login:
        """Lets a customer sign in again."""
        login = await self._held(request.id, "write")
        async with self._sessions.begin() as session:
            return messages.login(await logins.enable(session, login.id, request.etag))

    async def DeleteContactLogin(
        self, request: pb2.DeleteContactLoginRequest, context: Context
    ) -> empty_pb2.Empty:
        """Forgets a login."""
        login = await self._held(request.id, "write")
        async with self._sessions.begin() as session:
            await logins.delete(session, login.id, request.etag)
        return empty_pb2.Empty()

    async def _held(self, given: str, action: str) -> ContactLogin:
        """Returns a login whose contact the caller may do this with; raises as `Contacts.within`.

        Who may so with all contacts may it also with those that are no more.
        """
        login_id = found.parsed(given, "contact_login")
        async with self._sessions.begin() as session:
            login = await logins.get(session, login_id)
        if not _reaches_all(action):
            try:
                await self._contacts.within(login.contact_id, action)
            except errors.NotFound:
                raise found.missing("contact_login", login_id) from None
        return login

    async def _listed(
        self, wanted: Wanted, size: int, after: tuple[str, UUID] | None
    ) -> tuple[Sequence[ContactLogin], tuple[str, UUID] | None]:
        """Returns what the caller may see of some rows, and after which to go on, if any are left.

        A bounded number of rows is looked at, so that a page may be short.
        """
        everybody, shown = _reaches_all("read"), list[ContactLogin]()
        read = size + 1 if everybody else _READ_AT_ONCE
        for _ in range(1 if everybody else _ROUNDS):
            async with self._sessions.begin() as session:
                rows = await kept_logins.page(session, wanted, read, after)
            ids = {it.contact_id for it in rows}
            if rows and not everybody:
                ids = await self._contacts.readable([*ids])
            for it in rows:
                if it.contact_id in ids:
                    if len(shown) == size:
                        return shown, (shown[-1].name_key, shown[-1].id)
                    shown.append(it)
            if len(rows) < read:
                return shown, None
            after = rows[-1].name_key, rows[-1].id
        return shown, after


def _reaches_all(action: str) -> bool:
    return context.require_principal().level("contacts", action) is Level.ALL


def _channel(number: int, problems: fields.Problems) -> Channel | None:
    by = messages.channel(number)
    if by is None:
        problems.add("channel", "is not one of the choices" if number else "is required")
    return by


def _wanted(request: pb2.ListContactLoginsRequest) -> tuple[Wanted, dict[str, object]]:
    """Returns what a list asks for, and the same as what its pages belong to."""
    problems = fields.Problems()
    states = messages.states(request.states)
    for place, it in enumerate(states):
        if it is None:
            problems.add(f"states[{place}]", "is not one of the choices")
    if len(request.query) > _LONGEST_QUERY:
        problems.add("query", f"is longer than {_LONGEST_QUERY} characters")
    if len(request.contact_ids) > _MOST_IDS:
        raise errors.ResourceExhausted("TOO_LARGE", "more than 1,000 ids", limit=_MOST_IDS)
    ids = [
        fields.uuid(it, f"contact_ids[{place}]", problems)
        for place, it in enumerate(request.contact_ids)
    ]
    problems.raise_if_any()
    hidden = bool(_ADDRESSES & context.require_principal().hidden)
    wanted = Wanted(
        states=[it for it in states if it is not None],
        words=fields.letters(request.query),
        address="" if hidden else reachable.part(request.query),
        contact_ids=[it for it in ids if it is not None],
    )
    told: dict[str, object] = {
        "list": "contact_logins",
        "states": sorted(request.states),
        "query": request.query,
        "contact_ids": sorted(request.contact_ids),
    }
    return wanted, told
