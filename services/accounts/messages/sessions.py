"""Sign-in and what it gives, as the contract writes it."""

from datetime import datetime
from uuid import UUID

from crm.accounts.v1 import (
    events_pb2,
    oidc_identity_pb2,
    second_factor_pb2,
    session_pb2,
    session_service_pb2,
)

from chassis.rpc import times
from services.accounts.domain.people import SecondFactor, Session, User
from services.accounts.messages import people


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
        session_secret=secret, session=session(made), user=people.user(kept)
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


def oidc_identity(
    user_id: UUID, since: datetime | None, *, only_way_in: bool
) -> oidc_identity_pb2.OidcIdentity:
    """Returns whether a user may sign in at the provider, None for who may not."""
    return oidc_identity_pb2.OidcIdentity(
        user_id=str(user_id),
        linked=since is not None,
        link_time=times.out(since) if since else None,
        only_way_in=only_way_in,
    )


def issued(token: str, expire_time: datetime, scope: str) -> session_service_pb2.IssueTokenResponse:
    """Returns a token as IssueToken answers it."""
    return session_service_pb2.IssueTokenResponse(
        token=token, expire_time=times.out(expire_time), scope=scope
    )


def session_revoked(ended: Session) -> events_pb2.SessionRevoked:
    """Returns the event that a session ended before its time."""
    return events_pb2.SessionRevoked(session_id=str(ended.id), secret_hash=ended.secret_hash.hex())
