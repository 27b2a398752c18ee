"""Certificates this process was started with, and when they expire."""

from pathlib import Path

import structlog
from cryptography import x509

from chassis import metrics
from chassis.config import ServiceSettings

log = structlog.get_logger()


def observe(settings: ServiceSettings) -> None:
    """Tell by setting when each certificate expires; one that cannot be read is logged."""
    for name in _SETTINGS:
        path: Path | None = getattr(settings, name)
        if path is None:
            continue
        try:
            found = x509.load_pem_x509_certificates(path.read_bytes())
        except (OSError, ValueError) as error:
            log.error("certificate_unreadable", setting=name, error=type(error).__name__)
            continue
        first = min(it.not_valid_after_utc for it in found)
        metrics.certificate_expiry.labels(name).set(first.timestamp())


_SETTINGS = (
    "grpc_tls_cert_file",
    "grpc_tls_ca_file",
    "nats_tls_ca_file",
    "nats_tls_cert_file",
)
