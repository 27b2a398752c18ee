"""One SMTP connection: it pipelines, and it knows whether a final dot was written."""

import asyncio
import base64
import contextlib
import ssl
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from services.notifier.channels.smtp.replies import Replies, Reply, Tell
from services.notifier.domain.work import Outgoing


class Broken(Exception):
    """The connection is of no more use."""


class Refused(Exception):
    """The server does not serve us; the text is its reply or what was missing."""


@dataclass(frozen=True)
class Peer:
    """The server and how to speak with it; times in seconds.

    Wherever there is TLS, the certificate has to be good for `host`: by `ca_file`, or by the
    authorities of this machine.
    """

    host: str
    port: int
    domain: str
    tls: bool = False
    starttls: Literal["never", "offered", "required"] = "never"
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: str | None = None
    connect_seconds: float = 10.0
    command_seconds: float = 30.0
    final_seconds: float = 600.0

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"{self.host}:{self.port}"

    @cached_property
    def context(self) -> ssl.SSLContext:
        """What is demanded of its certificate; raises OSError for a `ca_file` without any."""
        return ssl.create_default_context(cafile=self.ca_file)


class Session:
    """A connection after EHLO; methods raise `Broken` when it ends or answers nonsense."""

    def __init__(self, peer: Peer, transport: asyncio.Transport, replies: Replies) -> None:
        self._peer = peer
        self._transport = transport
        self._replies = replies
        self._offers: dict[str, str] = {}
        self._encrypted = peer.tls

    @classmethod
    async def open(cls, peer: Peer) -> "Session":
        """Connects and greets; raises `Refused` or `Broken`."""
        try:
            tls = peer.context if peer.tls else None
            async with asyncio.timeout(peer.connect_seconds):
                transport, replies = await asyncio.get_running_loop().create_connection(
                    Replies, peer.host, peer.port, ssl=tls
                )
        except (OSError, TimeoutError) as error:
            raise Broken(_why(error)) from None
        session = cls(peer, transport, replies)
        try:
            await session._greet()
        except BaseException:
            session.abort()
            raise
        return session

    @property
    def offers(self) -> Collection[str]:
        """What the server can do."""
        return self._offers.keys()

    @property
    def pipelining(self) -> bool:
        """Whether commands may be sent without waiting for each answer."""
        return "PIPELINING" in self._offers

    @property
    def utf8(self) -> bool:
        """Whether addresses may have letters beyond ASCII."""
        return "SMTPUTF8" in self._offers

    @property
    def is_open(self) -> bool:
        """False once the server hung up, as far as is known."""
        return not (self._replies.lost or self._transport.is_closing())

    def listen(self, tell: Tell) -> None:
        """Has `tell` called with the replies that come from now on, and with None at the end."""
        self._replies.listen(tell)

    @property
    def lost(self) -> str:
        """Why nothing more will come, empty while the session lives."""
        return self._replies.lost

    def write(self, data: bytes) -> None:
        """Writes to the server; raises `Broken`, with nothing written, once it hung up."""
        if not self.is_open:
            raise Broken(self._replies.lost or "closed")
        self._transport.write(data)

    async def quit(self) -> None:
        """Says goodbye and closes."""
        with contextlib.suppress(Broken):
            self.write(b"QUIT\r\n")
            await self.read(within=2.0)
        self.abort()

    def leave(self) -> None:
        """Says goodbye and closes without waiting for the answer."""
        with contextlib.suppress(Broken):
            self.write(b"QUIT\r\n")
        self._transport.close()

    def end(self) -> None:
        """Closes at once, unless goodbye was said."""
        if not self._transport.is_closing():
            self.abort()

    def abort(self) -> None:
        """Closes at once."""
        self._transport.abort()

    async def read(self, within: float | None = None) -> Reply:
        """The next whole reply."""
        reply = self._replies.take()
        if reply is None:
            await self._replies.wait(within or self._peer.command_seconds)
            reply = self._replies.take()
        if reply is None:
            raise Broken(self._replies.lost or "no answer in time")
        return reply

    async def _greet(self) -> None:
        greeting = await self.read(within=self._peer.connect_seconds)
        if greeting.code != 220:
            raise Refused(str(greeting))
        await self._ehlo()
        wants = self._peer.starttls
        if wants != "never" and not self._peer.tls:
            if "STARTTLS" in self._offers:
                await self._start_tls()
            elif wants == "required":
                raise Refused("no STARTTLS")
        if self._peer.user:
            await self._authenticate()

    async def _ehlo(self) -> None:
        self.write(f"EHLO {self._peer.domain}\r\n".encode())
        reply = await self.read()
        if not reply.is_good:
            raise Refused(str(reply))
        offers = [line.upper().partition(" ") for line in reply.lines[1:]]
        self._offers = {name: more for name, _, more in offers}

    async def _start_tls(self) -> None:
        self.write(b"STARTTLS\r\n")
        reply = await self.read()
        if reply.code != 220:
            raise Refused(str(reply))
        # What somebody slipped in before the encryption must not count after it.
        self._replies.discard()
        try:
            async with asyncio.timeout(self._peer.connect_seconds):
                transport = await asyncio.get_running_loop().start_tls(
                    self._transport,
                    self._replies,
                    self._peer.context,
                    server_hostname=self._peer.host,
                )
        except (OSError, TimeoutError) as error:  # a certificate refused is an OSError too
            raise Refused(f"TLS: {_why(error)}") from None
        if transport is None:
            raise Refused("TLS: closed")
        self._transport, self._encrypted = transport, True
        await self._ehlo()

    async def _authenticate(self) -> None:
        if not self._encrypted:
            raise Refused("no password without TLS")
        user, password = self._peer.user.encode(), self._peer.password.encode()
        ways = self._offers.get("AUTH", "").split()
        if "PLAIN" in ways:
            reply = await self._say(b"AUTH PLAIN " + _base64(b"\0%b\0%b" % (user, password)))
        elif "LOGIN" in ways:
            reply = await self._say(b"AUTH LOGIN")
            for secret in (user, password):
                if reply.code == 334:
                    reply = await self._say(_base64(secret))
        else:
            raise Refused("no AUTH by PLAIN or LOGIN")
        if reply.code != 235:
            raise Refused(str(reply))

    async def _say(self, line: bytes) -> Reply:
        self.write(line + b"\r\n")
        return await self.read()


def _base64(data: bytes) -> bytes:
    return base64.b64encode(data)


def _why(error: Exception) -> str:
    """What a person can act on, of an error on the way to an encrypted connection."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate refused: {error.verify_message}"
    return type(error).__name__


def envelope(message: Outgoing) -> tuple[bytes, bytes, bytes]:
    """The commands MAIL, RCPT and DATA of a message."""
    prepared = message.prepared
    address = prepared.claimed.address
    utf8 = "" if address.isascii() else " SMTPUTF8"
    return (
        f"MAIL FROM:<{prepared.sender}>{utf8}\r\n".encode(),
        f"RCPT TO:<{address}>\r\n".encode(),
        b"DATA\r\n",
    )
