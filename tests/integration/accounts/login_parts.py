"""Customers who sign in, with a scripted leads and a scripted notifier."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from crm.accounts.v1 import contact_login_pb2
from crm.accounts.v1 import contact_login_service_pb2 as pb2
from crm.accounts.v1 import contact_login_service_pb2_grpc as pb2_grpc
from crm.accounts.v1 import portal_service_pb2_grpc as portal_grpc
from crm.leads.v1 import contact_pb2, contact_service_pb2, contact_service_pb2_grpc

from chassis import context, db, errors, scope
from chassis.context import Principal
from services.accounts.clients import peers
from services.accounts.config import Settings
from services.accounts.domain.logins import Channel
from services.accounts.rpc.contact_sessions import ContactSessionServicer
from services.accounts.rpc.logins import ContactLoginServicer
from services.accounts.rpc.portal import PortalServicer
from services.accounts.usecases.contact_letters import CustomerMail
from services.accounts.usecases.letters import Scribe
from services.accounts.usecases.logins import Senders
from services.accounts.usecases.passwords import Passwords
from services.accounts.usecases.signin import Limits
from services.accounts.workers.postman import Postman
from tests.integration.accounts import post_parts
from tests.integration.accounts.conftest import GATEWAY

URL = "https://khach.example.com"
BOTH = {Channel.EMAIL: post_parts.IDENTITY, Channel.SMS: post_parts.SMS}
EMAIL, SMS = contact_login_pb2.LOGIN_CHANNEL_EMAIL, contact_login_pb2.LOGIN_CHANNEL_SMS
LINK = re.compile(rf"{URL}/portal/welcome/([\w-]+)")
CODE = re.compile(r"\b(\d{6})\b")
IP = "198.51.100.7"
BROWSER, OTHER_BROWSER = "the secret of a browser", "that of another browser"


class Leads(contact_service_pb2_grpc.ContactServiceServicer):
    """Knows some contacts, and shows those that the caller reaches, without what is hidden."""

    def __init__(self) -> None:
        self.people: dict[str, contact_pb2.Contact] = {}
        self.callers: list[Principal] = []

    async def GetContact(self, request: Any, _: Any) -> Any:
        caller = context.require_principal()
        self.callers.append(caller)
        found = self.people.get(request.id)
        if found is None or not _reaches(caller, found):
            raise errors.NotFound("RESOURCE_MISSING", "no such contact", resource="contact")
        return found

    async def BatchGetContacts(self, request: Any, _: Any) -> Any:
        caller = context.require_principal()
        self.callers.append(caller)
        found = [self.people[it] for it in request.ids if it in self.people]
        return contact_service_pb2.BatchGetContactsResponse(
            contacts=[it for it in found if _reaches(caller, it)]
        )


def _reaches(caller: Principal, contact: contact_pb2.Contact) -> bool:
    owners = [UUID(it) for it in contact.owner_ids]
    return scope.to(caller, "contacts", "read").covers(owners, scope.identity(contact.team_id))


@dataclass
class Portal:
    """Logins of customers in a house, and what tests do with them."""

    house: Any
    served: Any
    leads: Leads
    messages: post_parts.Messages
    postman: Postman
    senders: Senders

    def staff(self, who: Principal | None = None) -> Any:
        """Calls as an administrator, or as somebody else."""
        return pb2_grpc.ContactLoginServiceStub(self.served.as_(who or self.house.admin))

    def customers(self, who: Principal = GATEWAY) -> Any:
        """Calls as the gateway does for customers."""
        return pb2_grpc.ContactSessionServiceStub(self.served.as_(who))

    def mine(self, contact_id: str) -> Any:
        """Calls as the customer who that contact is."""
        who = Principal(str(uuid4()), "contact", contact_id=contact_id)
        return portal_grpc.PortalServiceStub(self.served.as_(who))

    def knows(self, name: str, **more: Any) -> contact_pb2.Contact:
        """Have leads know a contact, with an e-mail address and a phone."""
        plain = name.lower().replace(" ", ".")
        given: dict[str, Any] = {
            "emails": [{"address": f"{plain}@example.vn", "valid": True}],
            "phones": [{"number": f"+84912{len(self.leads.people):06}", "valid": True}],
            "locale": "vi",
            **more,
        }
        contact = contact_pb2.Contact(id=str(uuid4()), display_name=name, **given)
        self.leads.people[contact.id] = contact
        return contact

    async def add(self, name: str, by: Any = EMAIL, **more: Any) -> Any:
        """Let a new contact sign in; returns the login."""
        contact = self.knows(name, **more)
        request = pb2.CreateContactLoginRequest(contact_id=contact.id, channel=by)
        return await self.staff().CreateContactLogin(request)

    async def invited(self, name: str, **more: Any) -> tuple[Any, str]:
        """As `add`; returns the login, and the token of the invitation that was sent."""
        login = await self.add(name, **more)
        return login, await self.sent_link()

    async def sent_link(self) -> str:
        """Have what waits sent; returns the token of the newest invitation."""
        await self.deliver()
        return self._newest(LINK)

    async def deliver(self) -> int:
        """Have what waits handed to the notifier; returns how many were tried."""
        return await self.postman.round()

    async def code(self, address: str, browser: str = BROWSER) -> str:
        """Ask for a code, and return it as it was sent."""
        await self.ask(address, browser=browser)
        await self.deliver()
        return self._newest(CODE)

    def _newest(self, pattern: re.Pattern[str]) -> str:
        """What was sent last of a kind."""
        sent = [pattern.search(it.text) for it in reversed(self.messages.requests)]
        return next(it[1] for it in sent if it is not None)

    async def ask(self, address: str, ip: str = IP, browser: str = BROWSER) -> None:
        request = pb2.RequestContactCodeRequest(address=address, ip=ip, browser_secret=browser)
        await self.customers().RequestContactCode(request)

    async def sign_in(self, address: str, **given: Any) -> Any:
        """Sign in with code= or password=."""
        return await self.customers().SignInContact(
            pb2.SignInContactRequest(
                **{"address": address, "ip": IP, "browser_secret": BROWSER, **given}
            )
        )

    async def accept(self, token: str, password: str = "") -> Any:
        request = pb2.AcceptInvitationRequest(token=token, password=password, ip=IP)
        return await self.customers().AcceptInvitation(request)

    async def exchange(self, secret: str) -> Any:
        request = pb2.ExchangeContactSessionRequest(session_secret=secret)
        return await self.customers().ExchangeContactSession(request)

    async def disable(self, login: Any) -> Any:
        request = pb2.DisableContactLoginRequest(id=login.id)
        return await self.staff().DisableContactLogin(request)

    async def get(self, login: Any) -> Any:
        return await self.staff().GetContactLogin(pb2.GetContactLoginRequest(id=login.id))

    async def standing(self) -> list[tuple[str, str]]:
        """State and reason of each letter."""
        rows = await self.house.sql("SELECT state, reason FROM contact_letters ORDER BY id")
        return [tuple(row) for row in rows]


async def portal(
    house: Any,
    sessions: db.Sessions,
    settings: Settings,
    serve: Any,
    identities: Mapping[Channel, UUID] = BOTH,
) -> Portal:
    """Returns the logins of a house that writes to customers by these identities."""
    scripted: Any = Leads
    leads: Leads = scripted()
    peer = await serve(
        settings,
        "leads",
        [(contact_service_pb2_grpc.add_ContactServiceServicer_to_server, leads)],
    )
    notifier, messages = await post_parts.notifier(settings, serve)
    me = Principal("accounts", "service")

    def sign(audience: str, whom: Principal | None) -> str:
        to = {"leads": peer, "notifier": notifier}[audience]
        acts = whom is not None and whom.kind != "service"
        return to.token(replace(whom, actor="accounts") if whom and acts else me)

    tokens = peers.OwnTokens(sign)
    contacts = peers.contacts(settings, peer.address, tokens)
    mail = peers.mail(settings, notifier.address, tokens, identities)
    key = settings.encryption_key()
    senders = Senders(identities, per_minute=1_000)
    limits = Limits(timedelta(hours=12), timedelta(hours=2), 1_000)
    passwords = Passwords(memory_kib=64, passes=1, threads=2)
    served = await serve(
        settings,
        "accounts",
        [
            (
                pb2_grpc.add_ContactLoginServiceServicer_to_server,
                ContactLoginServicer(sessions, contacts, senders, settings.seal_key),
            ),
            (
                pb2_grpc.add_ContactSessionServiceServicer_to_server,
                ContactSessionServicer(sessions, house.issuer, passwords, limits, senders, key),
            ),
            (
                portal_grpc.add_PortalServiceServicer_to_server,
                PortalServicer(sessions, limits.idle),
            ),
        ],
    )
    scribe = Scribe(key, CustomerMail(key, URL))
    postman = Postman(sessions, scribe, mail, lease_seconds=60, every_seconds=1)
    return Portal(house, served, leads, messages, postman, senders)
