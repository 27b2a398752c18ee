"""Runs accounts."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from crm.accounts.v1 import audit_service_pb2_grpc as audit_grpc
from crm.accounts.v1 import contact_login_service_pb2_grpc as login_grpc
from crm.accounts.v1 import erasure_service_pb2_grpc as erasure_grpc
from crm.accounts.v1 import oidc_service_pb2_grpc as oidc_grpc
from crm.accounts.v1 import password_service_pb2_grpc as password_grpc
from crm.accounts.v1 import portal_service_pb2_grpc as portal_grpc
from crm.accounts.v1 import second_factor_service_pb2_grpc as factor_grpc
from crm.accounts.v1 import session_service_pb2_grpc as session_grpc
from crm.accounts.v1 import user_service_pb2_grpc as user_grpc

from chassis import app, db
from chassis.db.outbox import Class
from chassis.events.connection import Connection
from chassis.events.consumer import consume
from chassis.events.relay import Relay
from services import rights
from services.accounts import consumers, workers
from services.accounts.clients import peers
from services.accounts.clients.provider import Provider
from services.accounts.config import Settings
from services.accounts.domain.logins import Channel
from services.accounts.rpc import http
from services.accounts.rpc.audit import AuditServicer
from services.accounts.rpc.clients import ApiClientServicer
from services.accounts.rpc.contact_sessions import ContactSessionServicer
from services.accounts.rpc.erasing import ErasureServicer
from services.accounts.rpc.factors import SecondFactorServicer
from services.accounts.rpc.logins import ContactLoginServicer
from services.accounts.rpc.oidc import OidcServicer, house_rules
from services.accounts.rpc.portal import PortalServicer
from services.accounts.rpc.proofs import Proofs
from services.accounts.rpc.resets import PasswordServicer
from services.accounts.rpc.sessions import SessionServicer
from services.accounts.rpc.tokens import TokenServicer
from services.accounts.rpc.users import UserServicer
from services.accounts.usecases.contact_letters import CustomerMail
from services.accounts.usecases.factors import Factors
from services.accounts.usecases.identities import Identities
from services.accounts.usecases.keyring import Keyring
from services.accounts.usecases.letters import Scribe, StaffMail
from services.accounts.usecases.logins import Senders
from services.accounts.usecases.passwords import Passwords
from services.accounts.usecases.post import Post
from services.accounts.usecases.signin import Limits
from services.accounts.usecases.tokens import Issuer
from services.accounts.usecases.trail import Trail
from services.accounts.workers.gauges import Gauges
from services.accounts.workers.postman import Postman

_ENTRIES_TOGETHER = 500

NAME, PACKAGE = "accounts", "services.accounts"


async def main(settings: Settings) -> None:
    """Wires the parts and serves."""
    sessions, nats = db.sessions(settings, NAME), Connection(settings, NAME)
    passwords = Passwords(
        memory_kib=settings.argon2_memory_kib,
        passes=settings.argon2_passes,
        threads=settings.argon2_threads,
    )
    limits = Limits(
        session=timedelta(hours=settings.session_hours),
        idle=timedelta(minutes=settings.session_idle_minutes),
        failures_per_minute=settings.sign_in_failures_per_minute,
    )
    trail = Trail(settings.encryption_key())
    keyring = Keyring(settings.encryption_key(), timedelta(days=settings.key_period_days), _now)
    identities = Identities(settings.service_clients_file)
    issuer = Issuer(keyring, identities, settings.token_seconds, _now)
    seal = settings.seal_key
    factors, proofs = Factors(settings.encryption_key()), Proofs(sessions, passwords, limits)
    per_minute = settings.password_resets_per_minute
    post = Post(settings.staff_sender_identity_id is not None, per_minute)
    users = UserServicer(sessions, passwords, proofs, post, seal)
    signing_in = SessionServicer(sessions, issuer, passwords, factors, limits, seal)
    rules = house_rules(settings)
    provider = Provider(rules, settings.oidc_client_secret) if settings.oidc_issuer else None
    tokens = peers.OwnTokens(lambda to, whom: issuer.own(NAME, to, whom).text)
    contacts = peers.contacts(settings, settings.leads_address, tokens)
    senders = Senders(_to_customers(settings), settings.contact_codes_per_minute)
    logins = ContactLoginServicer(sessions, contacts, senders, seal)
    key = settings.encryption_key()
    customers = ContactSessionServicer(sessions, issuer, passwords, limits, senders, key)
    postmen = list(_postmen(settings, sessions, tokens))
    first = settings.first_user_email, settings.first_password_file
    await app.run(
        settings,
        NAME,
        contract=rights,
        servicers=[
            (session_grpc.add_TokenServiceServicer_to_server, TokenServicer(sessions, issuer)),
            (session_grpc.add_SessionServiceServicer_to_server, signing_in),
            (
                factor_grpc.add_SecondFactorServiceServicer_to_server,
                SecondFactorServicer(sessions, proofs, factors, post),
            ),
            (
                password_grpc.add_PasswordServiceServicer_to_server,
                PasswordServicer(sessions, passwords, post),
            ),
            (
                oidc_grpc.add_OidcServiceServicer_to_server,
                OidcServicer(sessions, proofs, limits, key, rules, provider, post),
            ),
            (user_grpc.add_UserServiceServicer_to_server, users),
            (
                user_grpc.add_ApiClientServiceServicer_to_server,
                ApiClientServicer(sessions, seal, _now),
            ),
            (erasure_grpc.add_ErasureServiceServicer_to_server, ErasureServicer(sessions)),
            (audit_grpc.add_AuditServiceServicer_to_server, AuditServicer(sessions, trail, seal)),
            (login_grpc.add_ContactLoginServiceServicer_to_server, logins),
            (login_grpc.add_ContactSessionServiceServicer_to_server, customers),
            (
                portal_grpc.add_PortalServiceServicer_to_server,
                PortalServicer(sessions, limits.idle),
            ),
        ],
        background=[
            workers.keep_keys(sessions, keyring),
            workers.keep_identities(identities),
            workers.lay_foundation(sessions, passwords, *first),
            workers.sweep(sessions, limits.idle),
            workers.export_heads(sessions, settings.audit_head_file),
            *postmen,
            Gauges(sessions, [it.scribe for it in postmen]),
            *(Relay(sessions, nats, cls) for cls in Class),
            consume(
                settings,
                nats,
                sessions,
                stream="AUDIT",
                durable="accounts-audit",
                handlers=consumers.audit_handlers(trail),
                batch=_ENTRIES_TOGETHER,
                batch_handler=consumers.audit_batch_handler(trail),
            ),
            consume(
                settings,
                nats,
                sessions,
                stream="FACTS",
                durable="accounts-contacts",
                handlers=consumers.contact_handlers(senders),
            ),
        ],
        ready=[
            db.check(sessions),
            db.revision_check(sessions, PACKAGE),
            keyring.check,
            identities.check,
        ],
        http_routes=http.routes(sessions, keyring, issuer),
        closing=[nats.close, passwords.close, *([provider.close] if provider else [])],
    )


def _postmen(
    settings: Settings, sessions: db.Sessions, tokens: peers.OwnTokens
) -> Iterator[Postman]:
    """Yields who sends messages to staff and to customers; nobody where there is no sender."""
    key, staff = settings.encryption_key(), settings.staff_sender_identity_id
    portal_url = settings.portal_url or settings.public_url
    for identities, correspondence in (
        ({Channel.EMAIL: staff} if staff else {}, StaffMail(settings.public_url)),
        (
            _to_customers(settings),
            CustomerMail(key, portal_url, settings.organisation_name),
        ),
    ):
        if identities:
            yield Postman(
                sessions,
                Scribe(key, correspondence),
                peers.mail(settings, settings.notifier_address, tokens, identities),
                lease_seconds=settings.lease_seconds,
                every_seconds=settings.letters_seconds,
            )


def _to_customers(settings: Settings) -> dict[Channel, UUID]:
    """Returns the sender identities of messages to customers, of the channels that have one."""
    identities = {
        Channel.EMAIL: settings.contact_email_identity_id,
        Channel.SMS: settings.contact_sms_identity_id,
    }
    return {by: its_id for by, its_id in identities.items() if its_id is not None}


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    app.start(NAME, Settings, main, PACKAGE)
