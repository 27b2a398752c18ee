"""One SMTP connection: it pipelines, and it knows whether a final dot was written."""

import asyncio
import base64
import ssl
from dataclasses import dataclass
from typing import Literal

from services.notifier.channels.smtp.replies import Reply
from services.notifier.domain.work import Outgoing

_LONGEST_LINE = 8 * 1024


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

    def __init__(
        self, peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._peer = peer
        self._reader = reader
        self._writer = writer
        self._offers: dict[str, str] = {}
        self.sent = 0

    @classmethod
    async def open(cls, peer: Peer) -> "Session":
        """Connects and greets; raises `Refused` or `Broken`."""
        tls = ssl.create_default_context() if peer.tls else None
        try:
            async with asyncio.timeout(peer.connect_seconds):
                reader, writer = await asyncio.open_connection(
                    peer.host, peer.port, ssl=tls, limit=64 * 1024
                )
        except (OSError, TimeoutError) as error:
            raise Broken(type(error).__name__) from None
        session = cls(peer, reader, writer)
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
        return not (self._reader.at_eof() or self._writer.transport.is_closing())

    def write_envelope(self, message: Outgoing) -> None:
        """Begins a transaction: MAIL, RCPT and DATA in one write (pipelining only)."""
        mail, rcpt = self._envelope(message)
        self._write(mail + rcpt + b"DATA\r\n")

    async def read_envelope(self) -> tuple[Reply, Reply, Reply]:
        """The three answers to `write_envelope`."""
        return await self.read(), await self.read(), await self.read()

    async def envelope(self, message: Outgoing) -> tuple[Reply, Reply, Reply]:
        """Begins a transaction step by step; a refused step ends it and stands for the rest."""
        mail, rcpt = self._envelope(message)
        answers: list[Reply] = []
        for command in (mail, rcpt, b"DATA\r\n"):
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
        following = b""
        if behind is not None:
            mail, rcpt = self._envelope(behind)
            following = mail + rcpt + b"DATA\r\n"
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
        self._writer.transport.abort()

    async def drain(self) -> None:
        """Waits until the socket took most of what was written."""
        try:
            async with asyncio.timeout(self._peer.final_seconds):
                await self._writer.drain()
        except (OSError, TimeoutError) as error:
            raise Broken(type(error).__name__) from None

    async def read(self, within: float | None = None) -> Reply:
        """The next whole reply."""
        lines: list[str] = []
        try:
            async with asyncio.timeout(within or self._peer.command_seconds):
                while True:
                    line = await self._reader.readuntil(b"\n")
                    text = line.decode("utf-8", "replace").rstrip("\r\n")
                    if not text[:3].isdigit() or len(lines) > 100:
                        raise Broken("not a reply")
                    lines.append(text[4:])
                    if text[3:4] != "-":
                        return Reply(int(text[:3]), " ".join(lines))
        except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
            raise Broken(type(error).__name__) from None
        except asyncio.LimitOverrunError:
            raise Broken("line too long") from None

    def _envelope(self, message: Outgoing) -> tuple[bytes, bytes]:
        prepared = message.prepared
        utf8 = "" if prepared.claimed.address.isascii() else " SMTPUTF8"
        mail = f"MAIL FROM:<{prepared.sender}>{utf8}\r\n".encode()
        return mail, f"RCPT TO:<{prepared.claimed.address}>\r\n".encode()

    def _write(self, data: bytes) -> None:
        if not self.is_open:
            raise Broken("closed")
        self._writer.write(data)

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
        lines: list[str] = []
        reply = await self.read_lines(lines)
        if not reply.is_good:
            raise Refused(str(reply))
        self._offers = {}
        for line in lines[1:]:
            name, _, rest = line.partition(" ")
            self._offers[name.upper()] = rest

    async def read_lines(self, into: list[str]) -> Reply:
        """As `read`, with the text of each line put `into` a list."""
        while True:
            try:
                async with asyncio.timeout(self._peer.command_seconds):
                    line = await self._reader.readuntil(b"\n")
            except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
                raise Broken(type(error).__name__) from None
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            if not text[:3].isdigit():
                raise Broken("not a reply")
            into.append(text[4:])
            if text[3:4] != "-":
                return Reply(int(text[:3]), " ".join(into))

    async def _start_tls(self) -> None:
        self._write(b"STARTTLS\r\n")
        reply = await self.read()
        if reply.code != 220:
            raise Refused(str(reply))
        try:
            async with asyncio.timeout(self._peer.connect_seconds):
                await self._writer.start_tls(
                    ssl.create_default_context(), server_hostname=self._peer.host
                )
        except (OSError, TimeoutError) as error:  # a certificate refused is an OSError too
            raise Refused(f"TLS: {type(error).__name__}") from None
        await self._ehlo()

    async def _authenticate(self) -> None:
        plain = f"\0{self._peer.user}\0{self._peer.password}".encode()
        self._write(b"AUTH PLAIN " + base64.b64encode(plain) + b"\r\n")
        reply = await self.read()
        if reply.code != 235:
            raise Refused(str(reply))
