"""A mail server that takes everything, keeps it on disk and then says so.

The message id it counts by is the header `X-Mekong-Message-Id`, or else the local part of
`Message-ID`. The local part of the recipient chooses a fault:

| recipient     | what happens                                                      |
|---------------|-------------------------------------------------------------------|
| `refuse-*`    | RCPT answers 550 5.1.1                                            |
| `tempfail-*`  | RCPT answers 451 4.7.1                                            |
| `silent-*`    | the mail is kept, the final dot is never answered                 |
| `close-*`     | the mail is kept, the connection closes instead of an answer      |

Beyond that it does to any mail what its `behaviour` says.
"""

import asyncio
import re
import sqlite3
from email.header import decode_header, make_header
from typing import Any
from weakref import WeakSet

from aiosmtpd.smtp import SMTP, Envelope, Session

from local import ports
from local.sandbox import behaviour
from local.sandbox.behaviour import Behaviour
from local.sandbox.store import Received, Store

SIZE_LIMIT_BYTES = 30 * 1024 * 1024
IDLE_SECONDS = 3600.0  # longer than any sender waits for a final dot
ADDRESS = re.compile(r"\s*<([^<>\s]*)>(.*)", re.DOTALL)
HEADER = re.compile(
    rb"^(x-mekong-message-id|message-id|subject):((?:[^\n]*\n)(?:[ \t][^\n]*\n)*)",
    re.IGNORECASE | re.MULTILINE,
)


class Handler:
    """Decides what each recipient and each mail is told."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.behave(Behaviour())

    def behave(self, how: Behaviour) -> None:
        """Do so from the next command on."""
        self.how, self.dice = how, how.dice

    async def handle_EHLO(
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        """Offer pipelining: the server reads commands from a buffer, one after the other."""
        session.host_name = hostname
        offers = ["250-ENHANCEDSTATUSCODES", responses[-1]]
        if self.how.pipelining != "absent":
            offers.insert(0, "250-PIPELINING")
        return [*responses[:-1], *offers]

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Accept a recipient, or answer as its local part asks."""
        if address.startswith("refuse-"):
            return "550 5.1.1 no such mailbox"
        if address.startswith("tempfail-"):
            return "451 4.7.1 try again later"
        if refusal := self.dice.rcpt():
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep the mail, then answer, or do not, as its first recipient asks."""
        recipient = envelope.rcpt_tos[0]
        named = recipient.startswith(("silent-", "close-"))
        fault = recipient.split("-", 1)[0] if named else self.dice.final()
        await asyncio.sleep(self.how.delay)
        if not fault or fault in behaviour.KEPT_FAULTS:
            try:
                await self._store.add(_received(envelope, fault))
            except sqlite3.Error:
                return "451 4.3.0 cannot keep the mail now"
        if fault[:3].isdigit():
            return fault
        if fault in (behaviour.CLOSE, behaviour.DROPPED):
            _hang_up(server)
        if fault:
            await asyncio.Event().wait()  # until the connection ends, which cancels us
        return "250 2.0.0 kept"


class Protocol(SMTP):
    """The library's session with its two slow places replaced: addresses and DATA."""

    # Also the stream's buffer limit: DATA is read up to its final dot, not line by line.
    line_length_limit = SIZE_LIMIT_BYTES + 1024

    _answers = b""

    async def smtp_MAIL(self, arg: str) -> None:
        """Answer, after forgetting what came behind it if that is how we behave."""
        if self.event_handler.how.pipelining == "broken":
            self._reader._buffer.clear()  # type: ignore[attr-defined]
        await super().smtp_MAIL(arg)

    async def push(self, status: str | bytes) -> None:
        """Answer; to pipelined commands all at once, since a packet each would cost the most."""
        answer = status.encode() if isinstance(status, str) else status
        self._answers += answer + b"\r\n"
        if b"\n" in self._reader._buffer:  # type: ignore[attr-defined]
            return  # the next command is here already
        await self._answer()

    async def _answer(self) -> None:
        answers, self._answers = self._answers, b""
        self._writer.write(answers)
        await self._writer.drain()

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        found = ADDRESS.fullmatch(arg)
        if found is None:
            return None, None
        return found[1], found[2]

    async def smtp_DATA(self, arg: str) -> None:
        """Take one mail as a whole and answer it."""
        envelope = self.envelope
        if envelope is None or not envelope.rcpt_tos:
            await self.push("503 5.5.1 need RCPT first")
            return
        await self.push("354 end with <CR><LF>.<CR><LF>")
        if self.event_handler.dice.cut():
            await self._reader.read(1)
            _hang_up(self)
            await asyncio.Event().wait()
        content = await self._read_to_final_dot()
        if content is None:
            status = "552 5.3.4 the mail is too big"
        else:
            envelope.content = envelope.original_content = content
            status = await self._call_handler_hook("DATA")
        self._set_post_data_state()  # type: ignore[no-untyped-call]
        await self.push(status)
        if status.startswith(behaviour.CLOSING) and self.transport is not None:
            await self._answer()  # whatever was asked behind it, nobody will
            self.transport.close()

    async def _read_to_final_dot(self) -> bytes | None:
        """Return the mail with its dots unstuffed, or None when it was over the limit."""
        content = bytearray()
        size = 0
        while True:
            try:
                piece = await self._reader.readuntil(b".\r\n")
            except asyncio.LimitOverrunError as overrun:
                piece = await self._reader.readexactly(overrun.consumed)
            size += len(piece)
            content += piece
            if content == b".\r\n" or content.endswith(b"\r\n.\r\n"):
                break
            if size > SIZE_LIMIT_BYTES:
                del content[:-4]  # remember no more than could begin the final dot
        if size > SIZE_LIMIT_BYTES:
            return None
        del content[-3:]
        if content.startswith(b"."):
            del content[:1]
        return bytes(content).replace(b"\r\n..", b"\r\n.")


class MailServer:
    """Listens on one loopback port until it is closed."""

    def __init__(self, store: Store, port: int) -> None:
        self._handler = Handler(store)
        self._port = port
        self._server: asyncio.Server | None = None
        self._sessions: WeakSet[Protocol] = WeakSet()

    def behave(self, how: Behaviour) -> None:
        """Treat mails so from now on; sessions go on."""
        self._handler.behave(how)

    async def start(self) -> None:
        """Start to listen. Raises OSError when the port is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._session, ports.LOOPBACK, self._port)

    async def close(self) -> None:
        """Stop listening and drop every connection."""
        if self._server is not None:
            self._server.close()
        for session in list(self._sessions):
            if session.transport is not None:
                session.transport.abort()  # type: ignore[attr-defined]

    def _session(self) -> Protocol:
        session = Protocol(
            self._handler,
            data_size_limit=SIZE_LIMIT_BYTES,
            enable_SMTPUTF8=True,
            hostname="sandbox.mekong.test",
            ident="Mekong sandbox",
            timeout=IDLE_SECONDS,
            loop=asyncio.get_running_loop(),
        )
        self._sessions.add(session)
        return session


def _hang_up(server: SMTP) -> None:
    if server.transport is not None:
        server.transport.abort()  # type: ignore[attr-defined]


def _received(envelope: Envelope, fault: str) -> Received:
    raw = envelope.original_content or b""
    headers = _headers(raw)
    return Received(
        channel="email",
        message_id=_message_id(headers),
        sender=envelope.mail_from or "",
        recipient=", ".join(envelope.rcpt_tos),
        subject=_decoded(headers.get("subject", "")),
        raw=raw,
        answer={"silent": "silent", "close": "closed"}.get(fault, "accepted"),
    )


def _headers(raw: bytes) -> dict[str, str]:
    """Return the three headers we want, unfolded; parsing the whole would cost more than all."""
    end = raw.find(b"\r\n\r\n")
    head = raw if end < 0 else raw[: end + 2]
    found: dict[str, Any] = {}
    for name, value in HEADER.findall(head):
        found.setdefault(name.decode().lower(), " ".join(value.decode("utf-8", "replace").split()))
    return found


def _message_id(headers: dict[str, str]) -> str:
    own = headers.get("x-mekong-message-id")
    if own is not None:
        return own
    return headers.get("message-id", "").strip("<>").split("@", 1)[0]


def _decoded(subject: str) -> str:
    if "=?" not in subject:
        return subject
    try:
        return str(make_header(decode_header(subject)))
    except (LookupError, UnicodeError, ValueError):
        return subject  # a broken header is shown as it came
