"""A mail server that keeps what it takes and fails on purpose."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

from services.notifier.channels import smtp, turns


class MailServer:
    """An SMTP server that keeps what it takes and behaves as the recipient's name says."""

    def __init__(self, *, pipelining: bool = True) -> None:
        self.taken: list[str] = []
        self.mails: dict[str, bytes] = {}
        self.envelopes: list[str] = []
        self.connections = 0
        self.going: Counter[str] = Counter()  # by domain, from the mail to the answer
        self.most_going: Counter[str] = Counter()
        self.slow = asyncio.Event()  # what those at slow.vn wait for
        self.hold = asyncio.Event()
        self.hold.set()
        self.greets = asyncio.Event()
        self.greets.set()
        self._pipelining = pipelining
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def start(self, port: int = 0) -> None:
        """Listens on a loopback port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)

    async def stop(self) -> None:
        """Hangs up on everybody and no longer listens."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()

    async def took(self, count: int) -> None:
        """Waits until it has taken so many."""
        async with asyncio.timeout(20):
            while len(self.taken) < count:  # noqa: ASYNC110 (filled by many handlers)
                await asyncio.sleep(0.01)

    async def began(self, count: int, domain: str) -> None:
        """Waits until so many of a domain are on their way."""
        async with asyncio.timeout(20):
            while self.going[domain] < count:  # noqa: ASYNC110 (filled by many handlers)
                await asyncio.sleep(0.01)

    def wire(
        self,
        *,
        connections: int = 2,
        window: int = 16,
        at_once: Mapping[str, int] | None = None,
        **peer: Any,
    ) -> smtp.SmtpWire:
        """A wire to this server."""
        made = smtp.Peer("127.0.0.1", self.port, "mekong.localhost", **peer)
        return smtp.SmtpWire(
            made,
            connections=connections,
            window=window,
            per_connection=50,
            waiting=turns.line(at_once or {}),
        )

    def _begin(self, to: str) -> None:
        domain = to.rpartition("@")[2]
        self.going[domain] += 1
        self.most_going[domain] = max(self.most_going[domain], self.going[domain])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(line: str) -> None:
            writer.write(line.encode() + b"\r\n")

        await self.greets.wait()
        say("220 fake")
        to = ""
        while True:
            line = (await reader.readuntil(b"\n")).decode().strip()
            verb = line[:4].upper()
            if verb == "EHLO":
                say("250-fake")
                if self._pipelining:
                    say("250-PIPELINING")
                say("250 SMTPUTF8")
            elif verb == "RCPT":
                to = line.split("<")[1].split(">")[0]
                self.envelopes.append(to)
                if to.startswith("refuse"):
                    say("550 5.1.1 nobody")
                    to = ""
                elif to.startswith("later"):
                    say("451 4.3.0 later")
                    to = ""
                elif to.startswith("throttle"):
                    say("450 4.7.1 too many messages, slow down")
                    to = ""
                elif to.startswith("hangup"):
                    return
                else:
                    say("250 ok")
            elif verb == "DATA":
                if not to:
                    say("503 no recipients")
                    continue
                say("354 go")
                body = await reader.readuntil(b"\r\n.\r\n")
                self._begin(to)
                await self.hold.wait()
                if to.endswith("@slow.vn"):
                    await self.slow.wait()
                self.going[to.rpartition("@")[2]] -= 1
                self.taken.append(to)
                self.mails[to] = body
                if to.startswith("silent"):
                    await asyncio.Event().wait()
                if to.startswith("close"):
                    return
                say("554 5.7.1 no" if to.startswith("spam") else "250 2.0.0 taken")
                to = ""
            elif verb == "QUIT":
                say("221 bye")
                return
            else:
                say("250 ok")
