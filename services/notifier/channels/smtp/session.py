"""One SMTP connection: it pipelines, and it knows whether a final dot was written."""

import asyncio
import base64
import ssl
from dataclasses import dataclass
from typing import Literal

from services.notifier.channels.smtp.replies import Replies, Reply
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
        self.sent = 0

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

    def write_envelope(self, message: Outgoing) -> None:
        """Begins a transaction: MAIL, RCPT and DATA in one write (pipelining only)."""
        self._write(_envelope(message))

    async def read_envelope(self) -> tuple[Reply, Reply, Reply]:
        """The three answers to `write_envelope`."""
        return await self.read(), await self.read(), await self.read()

    async def envelope(self, message: Outgoing) -> tuple[Reply, Reply, Reply]:
        """Begins a transaction step by step; a refused step ends it and stands for the rest."""
        answers: list[Reply] = []
        for command in _envelope(message).splitlines(keepends=True):
            self._write(command)
            answers.append(await self.read())
            if not answers[-1].is_good:
                answers += [answers[-1]] * (3 - len(answers))
                break
        return answers[0], answers[1], answers[2]

    def write_body(self, message: Outgoing, behind: Outgoing | None) -> None:
        """Writes the mail and its final dot, and the envelope of the next right behind it.

        From this call on the server may have taken the message.
        """
        self.sent += 1
        following = b"" if behind is None else _envelope(behind)
        self._write(message.prepared.payload + b".\r\n" + following)

    async def cancel_data(self) -> None:
        """Ends a DATA nobody wanted: no recipient was taken, so an empty mail goes nowhere."""
        self._write(b".\r\n")
        await self.read()

    async def reset(self) -> None:
        """Forgets the transaction begun."""
        self._write(b"RSET\r\n")
        await self.read()

    async def quit(self) -> None:
        """Says goodbye and closes."""
        try:
            self._write(b"QUIT\r\n")
            await self.read(within=2.0)
        except Broken:
            pass
        self.abort()

    def abort(self) -> None:
        """Closes at once."""
        self._transport.abort()

    async def drain(self) -> None:
        """Waits until the socket took most of what was written."""
        try:
            async with asyncio.timeout(self._peer.final_seconds):
                await self._replies.writable()
        except TimeoutError:
            raise Broken("not read by the server") from None

    async def answered(self, within: float) -> bool:
        """Waits up to so many seconds for a reply; False when there is none yet."""
        return await self._replies.wait(within)

    async def read(self, within: float | None = None) -> Reply:
        """The next whole reply."""
        reply = self._replies.take()
        if reply is None:
            await self._replies.wait(within or self._peer.command_seconds)
            reply = self._replies.take()
        if reply is None:
            raise Broken(self._replies.lost or "no answer in time")
        return reply

    def _write(self, data: bytes) -> None:
        if not self.is_open:
            raise Broken(self._replies.lost or "closed")
        self._transport.write(data)

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
        self._write(f"EHLO {self._peer.domain}\r\n".encode())
        reply = await self.read()
        if not reply.is_good:
            raise Refused(str(reply))
        self._offers = frozenset(line.partition(" ")[0].upper() for line in reply.lines[1:])

    async def _start_tls(self) -> None:
        self._write(b"STARTTLS\r\n")
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
        self._write(b"AUTH PLAIN " + base64.b64encode(plain) + b"\r\n")
        reply = await self.read()
        if reply.code != 235:
            raise Refused(str(reply))


def _envelope(message: Outgoing) -> bytes:
    prepared = message.prepared
    address = prepared.claimed.address
    utf8 = "" if address.isascii() else " SMTPUTF8"
    return f"MAIL FROM:<{prepared.sender}>{utf8}\r\nRCPT TO:<{address}>\r\nDATA\r\n".encode()
