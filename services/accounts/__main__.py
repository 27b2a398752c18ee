"""Runs accounts."""

from datetime import UTC, datetime, timedelta

from crm.accounts.v1 import session_service_pb2_grpc as session_grpc

from chassis import app, db
from services.accounts import workers
from services.accounts.config import Settings
from services.accounts.rpc import http
from services.accounts.rpc.tokens import OPEN_METHODS, TokenServicer
from services.accounts.usecases.identities import Identities
from services.accounts.usecases.keyring import Keyring
from services.accounts.usecases.tokens import Issuer

PACKAGE = "services.accounts"


def _now() -> datetime:
    return datetime.now(UTC)


async def main(settings: Settings) -> None:
    """Wires the parts and serves."""
    sessions = db.sessions(settings, "accounts")
    period = timedelta(days=settings.key_period_days)
    keyring = Keyring(settings.encryption_key(), period, _now)
    identities = Identities(settings.service_clients_file)
    issuer = Issuer(keyring, identities, settings.token_seconds, _now)
    await app.run(
        settings,
        "accounts",
        servicers=[
            (
                session_grpc.add_TokenServiceServicer_to_server,
                TokenServicer(sessions, issuer),
            ),
        ],
        background=[
            workers.keep_keys(sessions, keyring),
            workers.keep_identities(identities),
        ],
        ready=[
            db.check(sessions),
            db.revision_check(sessions, PACKAGE),
            keyring.check,
            identities.check,
        ],
        http_routes=http.routes(sessions, keyring, issuer),
        open_methods=OPEN_METHODS,
    )


if __name__ == "__main__":
    app.start("accounts", Settings, main, PACKAGE)
