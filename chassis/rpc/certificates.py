"""The certificate of a gRPC server, read again when its files change: no restart turns it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

log = structlog.get_logger()


@dataclass(frozen=True)
class Files:
    """Where certificate, key and the authority of peers are."""

    cert: Path
    key: Path
    authority: Path


class Unfit(Exception):
    """The files are no certificate with its key and an authority."""


class Certificates:
    """What gRPC asks for at each handshake; it hears of other files then and not before."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._seen: Any = None

    def credentials(self) -> grpc.ServerCredentials:
        """Return credentials of a server whose clients must have a certificate too.

        Raises `Unfit` for files that cannot be used.
        """
        first = self._read(_stamps(self._files))
        return grpc.dynamic_ssl_server_credentials(
            first, self.changed, require_client_authentication=True
        )

    def changed(self) -> Any:
        """Return what the files have now if it is another, else None.

        Files that do not fit each other are no others yet: somebody is just putting them there.
        """
        try:
            stamps = _stamps(self._files)
            if stamps == self._seen:
                return None
            found = self._read(stamps)
        except Unfit as trouble:
            log.warning("certificate_not_changed", error=str(trouble))
            return None
        log.info("certificate_changed")
        return found

    def _read(self, stamps: Any) -> Any:
        files = self._files
        try:
            cert, key = files.cert.read_bytes(), files.key.read_bytes()
            authority = files.authority.read_bytes()
            belongs = _public(load_pem_private_key(key, None)) == _public(
                x509.load_pem_x509_certificates(cert)[0]
            )
            x509.load_pem_x509_certificates(authority)
        except (OSError, ValueError, TypeError) as broken:
            raise Unfit(type(broken).__name__) from None
        if not belongs:
            raise Unfit("the key is of another certificate")
        self._seen = stamps
        return grpc.ssl_server_certificate_configuration([(key, cert)], root_certificates=authority)


def _stamps(files: Files) -> Any:
    try:
        found = [it.stat() for it in (files.cert, files.key, files.authority)]
    except OSError as broken:
        raise Unfit(type(broken).__name__) from None
    return [(it.st_ino, it.st_mtime_ns, it.st_size) for it in found]


def _public(holder: Any) -> bytes:
    raw: bytes = holder.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return raw
