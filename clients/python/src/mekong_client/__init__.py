"""Calls the services of Mekong over gRPC."""

from mekong_client.calls import Deadlines
from mekong_client.channels import Tls
from mekong_client.client import Client
from mekong_client.errors import (
    Aborted,
    AlreadyExists,
    DeadlineExceeded,
    FailedPrecondition,
    FieldViolation,
    InvalidArgument,
    MekongError,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
)
from mekong_client.paging import items, pages

__all__ = [
    "Aborted",
    "AlreadyExists",
    "Client",
    "DeadlineExceeded",
    "Deadlines",
    "FailedPrecondition",
    "FieldViolation",
    "InvalidArgument",
    "MekongError",
    "NotFound",
    "PermissionDenied",
    "ResourceExhausted",
    "Tls",
    "Unauthenticated",
    "Unavailable",
    "items",
    "pages",
]
