"""An authority, its certificates, and a mail server that speaks TLS and asks for names."""

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword
from aiosmtpd.smtp import Session as ServerSession
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.notifier.channels import smtp

USER, PASSWORD = "mekong", "không-ai-biết"
LOOPBACK = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]


class Authority:
    """A certification authority of this test's own."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        made = self._certificate(self._name, self._key.public_key(), authority=True)
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(made.public_bytes(serialization.Encoding.PEM))

    def server(self, names: list[x509.GeneralName]) -> ssl.SSLContext:
        """The context of a server with these names."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail")])
        made = self._certificate(subject, key.public_key(), names=names)
        chain = self._folder / "server.pem"
        chain.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + made.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        return context

    def _certificate(
        self,
        subject: x509.Name,
        public: ec.EllipticCurvePublicKey,
        *,
        authority: bool = False,
        names: list[x509.GeneralName] | None = None,
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256())


LOOPBACK = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]


@dataclass
class Taken:
    """What a server took: who, over TLS or not, signed in or not."""

    mails: list[str] = field(default_factory=list)
    encrypted: set[bool] = field(default_factory=set)
    signed_in: set[bool] = field(default_factory=set)
    passwords: list[tuple[str, bytes]] = field(default_factory=list)
    connected: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle_EHLO(
        self, server: SMTP, session: ServerSession, envelope: Envelope, host: str, lines: list[str]
    ) -> list[str]:
        self.connected.set()
        session.host_name = host
        return lines

    async def handle_DATA(self, server: SMTP, session: ServerSession, envelope: Envelope) -> str:
        self.mails += envelope.rcpt_tos
        self.encrypted.add(session.ssl is not None or self.implicit)
        self.signed_in.add(bool(session.authenticated))
        return "250 2.0.0 taken"

    implicit = False

    def authenticate(
        self, server: SMTP, session: ServerSession, envelope: Envelope, way: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.passwords.append((way, data.password))
        good = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=good, handled=good)


@asynccontextmanager
async def server(
    taken: Taken, *, implicit: ssl.SSLContext | None = None, **of: Any
) -> AsyncIterator[int]:
    """A running mail server; yields its port."""
    taken.implicit = implicit is not None
    options: dict[str, Any] = {"hostname": "mail.test", "loop": asyncio.get_running_loop(), **of}
    listening = await asyncio.get_running_loop().create_server(
        lambda: SMTP(taken, **options), "127.0.0.1", 0, ssl=implicit
    )
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()


def wire(port: int, **peer: Any) -> smtp.SmtpWire:
    """A wire to it."""
    made = smtp.Peer("127.0.0.1", port, "mekong.localhost", **peer)
    return smtp.SmtpWire(made, connections=2, window=8, per_connection=5)
