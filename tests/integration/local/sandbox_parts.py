"""The sandbox peers and clients of their wires."""

import asyncio
import json
import struct
import uuid
from email.message import EmailMessage
from pathlib import Path

import aiohttp

from local import ports
from local.sandbox.inbox import Inbox
from local.sandbox.mail import MailServer
from local.sandbox.smsc import Smsc
from local.sandbox.store import Store

ONE = uuid.UUID("0190a0a0-0000-8000-8000-000000000001")


TWO = uuid.UUID("0190a0a0-0000-8000-8000-000000000002")


class Sandbox:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        chosen: set[int] = set()
        while len(chosen) < 3:  # nobody listens yet, so that one may be given twice
            chosen.add(ports.free())
        self.mail_port, self.smpp_port, self.http_port = chosen

    async def start(self) -> None:
        self.store = Store(self.directory / "received.sqlite3")
        self.mail = MailServer(self.store, self.mail_port)
        self.smsc = Smsc(self.store, self.smpp_port, receipt_delay_seconds=0.0)
        self.inbox = Inbox(self.store, self.mail, self.http_port)
        for part in (self.mail, self.smsc, self.inbox):
            await part.start()

    async def close(self) -> None:
        for part in (self.inbox, self.smsc, self.mail, self.store):
            await part.close()

    async def get(self, path: str) -> str:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{self.http_port}{path}") as answer,
        ):
            answer.raise_for_status()
            return await answer.text()

    async def behave(self, **how: object) -> int:
        """Have the mail server behave so; returns the status of the answer."""
        url = f"http://127.0.0.1:{self.http_port}/api/mail/behaviour"
        async with aiohttp.ClientSession() as session, session.put(url, json=how) as answer:
            return answer.status

    async def json(self, path: str) -> dict:
        return json.loads(await self.get(path))

    async def ids(self, channel: str, after: str = "") -> dict[str, int]:
        lines = (await self.get(f"/api/ids?channel={channel}&after={after}")).splitlines()
        return {row["message_id"]: row["copies"] for row in map(json.loads, lines)}


class Smtp:
    """A client that says exactly what a test says."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.port = sandbox.mail_port

    async def __aenter__(self) -> "Smtp":
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        await self.answer()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    async def say(self, *lines: str) -> None:
        self.writer.write("".join(f"{line}\r\n" for line in lines).encode())

    async def answer(self) -> str:
        """Return the code of the next answer, "" when the connection ended instead."""
        try:
            while (line := (await self.reader.readline()).decode()) and line[3] == "-":
                pass
        except ConnectionResetError:
            return ""
        return line[:3]

    async def send(self, to: str, content: str) -> list[str]:
        await self.say("EHLO test", "MAIL FROM:<a@mekong.test>", f"RCPT TO:<{to}>")
        answers = [await self.answer() for _ in range(3)]
        if answers[-1] == "250":
            await self.say("DATA")
            answers.append(await self.answer())
            await self.say(content, ".")
        return answers


def mail(message_id: uuid.UUID, *, subject: str = "Xin chào", body: str = "Chào bạn") -> str:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "a@mekong.test", "b@mekong.test", subject
    made["Message-ID"] = f"<{message_id}@mekong.test>"
    made.set_content(body)
    made.add_alternative(f"<p>{body}</p><script>alert(1)</script>", subtype="html")
    return made.as_bytes().decode().replace("\n", "\r\n")


class Smpp:
    """A client that writes PDUs and reads what comes."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.port = sandbox.smpp_port

    async def __aenter__(self) -> "Smpp":
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.write(0x09, 1, b"mekong\0secret\0\0\x34\0\0\0")
        assert (await self.read())[:2] == (0x80000009, 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    def write(self, command: int, sequence: int, body: bytes) -> None:
        self.writer.write(struct.pack(">IIII", 16 + len(body), command, 0, sequence) + body)

    def submit(self, to: str, text: bytes, message_id: uuid.UUID, **fields: int) -> None:
        esm, coding, wants = (fields.get(f, 0) for f in ("esm_class", "data_coding", "receipt"))
        body = b"\0\5\0MEKONG\0\1\1" + to.encode() + b"\0" + bytes([esm, 0, 0]) + b"\0\0"
        body += bytes([wants, 0, coding, 0, len(text)]) + text
        self.write(0x04, 7, body + struct.pack(">HH", 0x1501, 16) + message_id.bytes)

    async def read(self) -> tuple[int, int, bytes]:
        length, command, status, sequence = struct.unpack(
            ">IIII", await self.reader.readexactly(16)
        )
        body = await self.reader.readexactly(length - 16)
        if command == 0x05:
            self.write(0x80000005, sequence, b"\0")
        return command, status, body

    async def read_all(self, count: int) -> list[tuple[int, int, bytes]]:
        return [await self.read() for _ in range(count)]
