"""With certificates in the settings, both sides prove who they are, to peers and to the broker."""

import asyncio
import datetime
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from google.protobuf.wrappers_pb2 import StringValue

from chassis import errors
from chassis.events.connection import Connection
from chassis.rpc import client
from chassis.rpc.certificates import Certificates, Files, Unfit
from chassis.rpc.tokens import TokenSource
from local import nats as local_nats
from local import ports
from tests.integration.chassis import rpc_house


@dataclass(frozen=True)
class Certificate:
    cert: Path
    key: Path


class Authority:
    """Signs certificates for 127.0.0.1."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.cert = folder / f"{name}.pem"
        self._write(self.cert, self._signed(self._subject, self._key.public_key(), is_ca=True))

    def issue(self, name: str) -> Certificate:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = Certificate(self._folder / f"{name}.crt", self._folder / f"{name}.key")
        self._write(made.cert, self._signed(subject, key.public_key(), is_ca=False))
        made.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return made

    def _signed(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, *, is_ca: bool
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        usage = x509.KeyUsage(True, False, False, False, False, is_ca, is_ca, False, False)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(authority, critical=False)
            .add_extension(names, critical=False)
            .sign(self._key, hashes.SHA256())
        )

    @staticmethod
    def _write(path: Path, certificate: x509.Certificate) -> None:
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "house")


def grpc_files(authority: Authority, name: str, *, trusts: Authority | None = None) -> Any:
    made = authority.issue(name)
    return {
        "grpc_tls_cert_file": made.cert,
        "grpc_tls_key_file": made.key,
        "grpc_tls_ca_file": (trusts or authority).cert,
    }


class TestPeers:
    @pytest.fixture
    async def house(self, authority: Authority) -> AsyncIterator[rpc_house.House]:
        async with rpc_house.serve(**grpc_files(authority, "server")) as served:
            yield served

    async def test_a_peer_of_the_same_authority_is_served(self, house: rpc_house.House) -> None:
        answer = await house.stub.read(StringValue(value="x"))

        assert answer.value == "x"

    async def test_a_client_without_a_certificate_is_not(
        self, house: rpc_house.House, authority: Authority
    ) -> None:
        trusting = grpc.ssl_channel_credentials(authority.cert.read_bytes())
        metadata = [("authorization", f"Bearer {house.issuer.sign()}")]
        async with grpc.aio.secure_channel(house.address, trusting) as channel:
            stub = rpc_house.Stub(channel)
            with pytest.raises(grpc.aio.AioRpcError) as got:
                await stub.read(StringValue(), metadata=metadata, timeout=5)

        assert got.value.code() is grpc.StatusCode.UNAVAILABLE
        assert house.echo.requests == []

    async def test_a_server_of_another_authority_is_not_trusted(
        self, house: rpc_house.House, authority: Authority, tmp_path: Path
    ) -> None:
        stranger = Authority(tmp_path, "stranger")
        files = grpc_files(authority, "client", trusts=stranger)
        settings = rpc_house.make_settings(house.issuer.url, **files)
        tokens = TokenSource(settings)
        async with client.channel(
            house.address, settings, tokens, [rpc_house.DESCRIPTOR]
        ) as channel:
            with pytest.raises(errors.Unavailable):
                await rpc_house.Stub(channel).change(StringValue())

        assert house.echo.requests == []


class TestTurning:
    """A certificate is exchanged while the server runs."""

    @pytest.fixture
    async def house(self, authority: Authority) -> AsyncIterator[rpc_house.House]:
        async with rpc_house.serve(**grpc_files(authority, "server")) as served:
            yield served

    def serial(self, house: rpc_house.House, authority: Authority) -> int:
        """The serial number of what the server shows to a new connection."""
        own = authority.issue("looking")
        context = ssl.create_default_context(cafile=str(authority.cert))
        context.load_cert_chain(own.cert, own.key)
        context.set_alpn_protocols(["h2"])
        host, _, port = house.address.rpartition(":")
        with (
            socket.create_connection((host, int(port)), timeout=30) as plain,
            context.wrap_socket(plain, server_hostname=host) as told,
        ):
            shown = told.getpeercert(binary_form=True)
        assert shown is not None
        return x509.load_der_x509_certificate(shown).serial_number

    async def test_a_new_one_is_shown_without_a_restart(
        self, house: rpc_house.House, authority: Authority
    ) -> None:
        before = await asyncio.to_thread(self.serial, house, authority)
        again = await asyncio.to_thread(self.serial, house, authority)

        authority.issue("server")  # into the same files
        after = await asyncio.to_thread(self.serial, house, authority)

        assert before == again != after
        assert (await house.stub.read(StringValue(value="x"))).value == "x"

    async def test_a_key_that_does_not_fit_yet_changes_nothing(
        self, house: rpc_house.House, authority: Authority
    ) -> None:
        before = await asyncio.to_thread(self.serial, house, authority)
        other = authority.issue("other")
        other.key.replace(other.key.with_name("server.key"))

        assert await asyncio.to_thread(self.serial, house, authority) == before

        other.cert.replace(other.cert.with_name("server.crt"))
        assert await asyncio.to_thread(self.serial, house, authority) != before

    def test_files_that_do_not_fit_keep_a_server_from_starting(
        self, authority: Authority, tmp_path: Path
    ) -> None:
        own, other = authority.issue("own"), authority.issue("other")

        with pytest.raises(Unfit, match="another certificate"):
            Certificates(Files(own.cert, other.key, authority.cert)).credentials()
        with pytest.raises(Unfit, match="FileNotFoundError"):
            Certificates(Files(own.cert, tmp_path / "nowhere", authority.cert)).credentials()


class TestTheBroker:
    async def test_it_is_reached_with_a_certificate_and_not_without(
        self, authority: Authority, tmp_path: Path
    ) -> None:
        server, own = authority.issue("broker"), authority.issue("leads")
        port = ports.free()
        config = tmp_path / "nats.conf"
        config.write_text(
            f'host: 127.0.0.1\nport: {port}\ntls {{ cert_file: "{server.cert}"\n'
            f'key_file: "{server.key}"\nca_file: "{authority.cert}"\nverify: true }}\n'
        )
        broker = subprocess.Popen(  # noqa: ASYNC220
            [str(local_nats.binary()), "-c", str(config)], stderr=subprocess.DEVNULL
        )
        url = {"nats_url": f"nats://127.0.0.1:{port}"}
        known = Connection(
            rpc_house.make_settings(
                **url,
                nats_tls_ca_file=authority.cert,
                nats_tls_cert_file=own.cert,
                nats_tls_key_file=own.key,
            ),
            "leads",
        )
        unknown = Connection(
            rpc_house.make_settings(**url, nats_tls_ca_file=authority.cert), "leads"
        )
        try:
            await known.connected(within=10)
            with pytest.raises(errors.Unavailable, match="BROKER_AWAY"):
                await unknown.connected(within=1)
        finally:
            await known.close()
            await unknown.close()
            broker.terminate()
            await asyncio.to_thread(broker.wait)
