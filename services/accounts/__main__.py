"""Runs accounts."""

from datetime import UTC, datetime, timedelta

from crm.accounts.v1 import audit_service_pb2_grpc as audit_grpc
from crm.accounts.v1 import erasure_service_pb2_grpc as erasure_grpc
from crm.accounts.v1 import password_service_pb2_grpc as password_grpc
from crm.accounts.v1 import second_factor_service_pb2_grpc as factor_grpc
from crm.accounts.v1 import session_service_pb2_grpc as session_grpc
from crm.accounts.v1 import user_service_pb2_grpc as user_grpc

from chassis import app, db
from chassis.db.outbox import Class
from chassis.events.connection import Connection
from chassis.events.consumer import consume
from chassis.events.relay import Relay
from services import rights
from services.accounts import clients, consumers, workers
from services.accounts.config import Settings
from services.accounts.rpc import http
from services.accounts.rpc.audit import AuditServicer
from services.accounts.rpc.clients import ApiClientServicer
from services.accounts.rpc.erasing import ErasureServicer
from services.accounts.rpc.factors import SecondFactorServicer
from services.accounts.rpc.proofs import Proofs
from services.accounts.rpc.resets import PasswordServicer
from services.accounts.rpc.sessions import SessionServicer
from services.accounts.rpc.tokens import TokenServicer
from services.accounts.rpc.users import UserServicer
from services.accounts.usecases.factors import Factors
from services.accounts.usecases.identities import Identities
from services.accounts.usecases.keyring import Keyring
from services.accounts.usecases.letters import Scribe
from services.accounts.usecases.passwords import Passwords
from services.accounts.usecases.resets import Post
from services.accounts.usecases.signin import Limits
from services.accounts.usecases.tokens import Issuer
from services.accounts.usecases.trail import Trail
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
                SecondFactorServicer(sessions, proofs, factors),
            ),
            (
                password_grpc.add_PasswordServiceServicer_to_server,
                PasswordServicer(sessions, passwords, post),
            ),
            (user_grpc.add_UserServiceServicer_to_server, users),
            (user_grpc.add_ApiClientServiceServicer_to_server, ApiClientServicer(sessions, seal)),
            (erasure_grpc.add_ErasureServiceServicer_to_server, ErasureServicer(sessions)),
            (audit_grpc.add_AuditServiceServicer_to_server, AuditServicer(sessions, trail, seal)),
        ],
        background=[
            workers.keep_keys(sessions, keyring),
            workers.keep_identities(identities),
            workers.lay_foundation(sessions, passwords, *first),
            workers.sweep(sessions, limits.idle),
            workers.export_heads(sessions, settings.audit_head_file),
            *_postmen(settings, sessions, issuer),
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
        ],
        ready=[
            db.check(sessions),
            db.revision_check(sessions, PACKAGE),
            keyring.check,
            identities.check,
        ],
        http_routes=http.routes(sessions, keyring, issuer),
        closing=[nats.close, passwords.close],
    )


def _postmen(settings: Settings, sessions: db.Sessions, issuer: Issuer) -> list[Postman]:
    """Returns who mails links, nobody in a house that has no sender of such mails."""
    identity_id = settings.staff_sender_identity_id
    if identity_id is None:
        return []
    tokens = clients.OwnTokens(lambda audience: issuer.for_service(NAME, [audience]).text)
    mail = clients.connect(settings, settings.notifier_address, tokens, identity_id)
    scribe = Scribe(settings.encryption_key(), settings.public_url)
    lease, every = settings.lease_seconds, settings.letters_seconds
    return [Postman(sessions, scribe, mail, lease_seconds=lease, every_seconds=every)]


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    app.start(NAME, Settings, main, PACKAGE)
