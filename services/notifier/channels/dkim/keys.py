"""Private keys in a folder, a file each, named by where its public half is in the DNS."""

import base64
import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import nacl.bindings
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from chassis.config import SettingsError
from services.notifier.channels.dkim.signer import Key, Signer

LEAST_RSA_BITS = 2048
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"({_LABEL}(?:\.{_LABEL})*)\._domainkey\.({_LABEL}(?:\.{_LABEL})+)")

PrivateKey = RSAPrivateKey | Ed25519PrivateKey


class Keys:
    """The keys of all domains that mails are sent from."""

    def __init__(self, keys: list[Key]) -> None:
        self.names = [f"{key.selector}._domainkey.{key.domain}" for key in keys]
        self._signers = {
            domain: Signer([key for key in keys if key.domain == domain])
            for domain in {key.domain for key in keys}
        }

    def __len__(self) -> int:
        return len(self.names)

    def signer(self, address: str) -> Signer | None:
        """Who signs for an address: its domain's keys, or those of the nearest domain above."""
        domain = address.rpartition("@")[2].lower()
        try:
            domain = domain.encode("idna").decode()
        except UnicodeError:
            return None
        while domain:
            if domain in self._signers:
                return self._signers[domain]
            domain = domain.partition(".")[2]
        return None


def files(folder: Path | None) -> list[Path]:
    """The files of keys in a folder, by name; none of no folder. Raises `OSError`."""
    # What begins with a dot is how Kubernetes swaps the contents of a mounted secret.
    found = folder.iterdir() if folder is not None else ()
    return sorted(it for it in found if not it.name.startswith("."))


def read(folder: Path | None) -> Keys:
    """The keys of a folder; raises `SettingsError` that names the file nobody can use."""
    try:
        return Keys([parse(file.name, file.read_bytes()) for file in files(folder)])
    except OSError as broken:
        raise SettingsError(f"MEKONG_DKIM_FOLDER: {broken}") from None


def generate(*, rsa: bool) -> PrivateKey:
    """A new key."""
    if rsa:
        return generate_private_key(public_exponent=65537, key_size=LEAST_RSA_BITS)
    return Ed25519PrivateKey.generate()


def pem(private: PrivateKey) -> bytes:
    """As its file has it."""
    return private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def record(private: PrivateKey) -> str:
    """What the DNS has to say of a key, as one TXT record."""
    public = private.public_key()
    if isinstance(private, Ed25519PrivateKey):
        kind, raw = "ed25519", public.public_bytes_raw()  # type: ignore[union-attr]
    else:
        kind = "rsa"
        raw = public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    return f"v=DKIM1; k={kind}; p={base64.b64encode(raw).decode()}"


def parse(name: str, text: bytes) -> Key:
    """The key of a file; raises `SettingsError` that says why it is none."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise SettingsError(f"MEKONG_DKIM_FOLDER: {name} is not SELECTOR._domainkey.DOMAIN")
    try:
        private = serialization.load_pem_private_key(text, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SettingsError(f"MEKONG_DKIM_FOLDER: {name} has no private key in PEM") from None
    selector, domain = match.groups()
    if isinstance(private, Ed25519PrivateKey):
        return Key(domain, selector, "ed25519-sha256", _ed25519(private), slow=False)
    if isinstance(private, RSAPrivateKey) and private.key_size >= LEAST_RSA_BITS:
        return Key(domain, selector, "rsa-sha256", _rsa(private), slow=True)
    raise SettingsError(
        f"MEKONG_DKIM_FOLDER: {name} is neither Ed25519 nor RSA of {LEAST_RSA_BITS} bits"
    )


def _rsa(private: RSAPrivateKey) -> Callable[[bytes], bytes]:
    scheme, digest = padding.PKCS1v15(), hashes.SHA256()
    return lambda header: private.sign(header, scheme, digest)


def _ed25519(private: Ed25519PrivateKey) -> Callable[[bytes], bytes]:
    # libsodium signs in two thirds of the time that OpenSSL takes. RFC 8463 signs the digest.
    secret = private.private_bytes_raw() + private.public_key().public_bytes_raw()

    def sign(header: bytes) -> bytes:
        digest = hashlib.sha256(header).digest()
        return nacl.bindings.crypto_sign(digest, secret)[: nacl.bindings.crypto_sign_BYTES]

    return sign
