"""One SMTP connection: it pipelines, and it knows whether a final dot was written."""

import asyncio
import base64
import contextlib
import ssl
from dataclasses import dataclass
from typing import Literal

from services.notifier.channels.smtp.replies import Replies, Reply, Tell
from services.notifier.domain.work import Outgoing


class Broken(Exception):
    """The connection is of no more use."""


class Refused(Exception):
    """The server does not serve us; the text is its reply or what was missing."""


@dataclass(frozen=True)
class Peer:
    """The server and how to speak with it; times in seconds."""

    host: str
    port: int
    domain: str
    tls: bool = False
    starttls: Literal["never", "offered", "required"] = "never"
    user: str = ""
    password: str = ""
    connect_seconds: float = 10.0
    command_seconds: float = 30.0
    final_seconds: float = 600.0

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"{self.host}:{self.port}"


class Session:
    """A connection after EHLO; methods raise `Broken` when it ends or answers nonsense."""

    def __init__(self, peer: Peer, transport: asyncio.Transport, replies: Replies) -> None:
        self._peer = peer
        self._transport = transport
        self._replies = replies
        self._offers: frozenset[str] = frozenset()

    @classmethod
    async def open(cls, peer: Peer) -> "Session":
        """Connects and greets; raises `Refused` or `Broken`."""
        tls = ssl.create_default_context() if peer.tls else None
        try:
            async with asyncio.timeout(peer.connect_seconds):
                transport, replies = await asyncio.get_running_loop().create_connection(
                    Replies, peer.host, peer.port, ssl=tls
                )
        except (OSError, TimeoutError) as error:
            raise Broken(type(error).__name__) from None
        session = cls(peer, transport, replies)
        try:
            await session._greet()
        except BaseException:
            session.abort()
            raise
        return session

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
        self._offers = frozenset(line.partition(" ")[0].upper() for line in reply.lines[1:])

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
                    ssl.create_default_context(),
                    server_hostname=self._peer.host,
                )
        except (OSError, TimeoutError) as error:  # a certificate refused is an OSError too
            raise Refused(f"TLS: {type(error).__name__}") from None
        if transport is None:
            raise Refused("TLS: closed")
        self._transport = transport
        await self._ehlo()

    async def _authenticate(self) -> None:
        plain = f"\0{self._peer.user}\0{self._peer.password}".encode()
        self.write(b"AUTH PLAIN " + base64.b64encode(plain) + b"\r\n")
        reply = await self.read()
        if reply.code != 235:
            raise Refused(str(reply))


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
