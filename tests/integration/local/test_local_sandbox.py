"""The sandbox peers over their real wires: what they keep, answer, break on request and show."""

import asyncio
import json
import struct
import uuid
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import aiohttp
import pytest

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
        self.mail_port, self.smpp_port, self.http_port = ports.free(), ports.free(), ports.free()

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


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    made = Sandbox(tmp_path)
    await made.start()
    yield made
    await made.close()


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


class TestMailServer:
    async def test_what_it_accepted_is_counted_by_message_id(self, sandbox: Sandbox):
        async with Smtp(sandbox) as client:
            for message_id in (ONE, TWO, TWO):
                assert await client.send("b@mekong.test", mail(message_id)) == ["250"] * 3 + ["354"]
                assert await client.answer() == "250"

        assert await sandbox.ids("email") == {str(ONE): 1, str(TWO): 2}
        assert await sandbox.ids("email", after=str(ONE)) == {str(TWO): 2}
        counts = await sandbox.json("/api/counts")
        assert (counts["mails"], counts["email_ids"], counts["max_copies"]) == (3, 2, 2)

    async def test_it_keeps_a_mail_byte_for_byte_without_its_transparency_dots(
        self, sandbox: Sandbox
    ):
        async with Smtp(sandbox) as client:
            await client.send("b@mekong.test", "X-Mekong-Message-Id: mine\r\n\r\n..\r\n..a.\r\nb.")
            assert await client.answer() == "250"

        row = await sandbox.store.message(1)
        assert row is not None
        assert row["raw"] == b"X-Mekong-Message-Id: mine\r\n\r\n.\r\n.a.\r\nb.\r\n"
        assert row["message_id"] == "mine"

    async def test_it_answers_pipelined_commands_in_order(self, sandbox: Sandbox):
        async with Smtp(sandbox) as client:
            await client.say(
                *("EHLO test", "MAIL FROM:<a@mekong.test>", "RCPT TO:<refuse-1@mekong.test>"),
                *("RCPT TO:<tempfail-1@mekong.test>", "RCPT TO:<b@mekong.test>", "DATA"),
            )

            assert [await client.answer() for _ in range(6)] == [
                "250",
                "250",
                "550",
                "451",
                "250",
                "354",
            ]

    async def test_the_silent_one_keeps_the_mail_and_never_answers(self, sandbox: Sandbox):
        async with Smtp(sandbox) as client:
            await client.send("silent-1@mekong.test", mail(ONE))

            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.answer(), 0.5)

        assert await sandbox.ids("email") == {str(ONE): 1}

    async def test_the_closing_one_keeps_the_mail_and_hangs_up(self, sandbox: Sandbox):
        async with Smtp(sandbox) as client:
            await client.send("close-1@mekong.test", mail(ONE))

            assert await client.answer() == ""

        assert await sandbox.ids("email") == {str(ONE): 1}

    async def test_it_refuses_a_mail_over_its_size_and_stays_usable(self, sandbox: Sandbox):
        async with Smtp(sandbox) as client:
            await client.send("b@mekong.test", ("x" * 998 + "\r\n") * 31_500)
            assert await client.answer() == "552"

            await client.send("b@mekong.test", mail(ONE))
            assert await client.answer() == "250"


class TestBehaviour:
    @pytest.mark.parametrize(
        ("fault", "said", "kept"),
        [
            ("close", "", True),
            ("dropped", "", False),
            ("451 4.3.0 later", "451", False),
            ("554 5.7.1 no", "554", False),
        ],
    )
    async def test_a_final_dot_gets_what_was_asked_for(
        self, sandbox: Sandbox, fault: str, said: str, kept: bool
    ):
        assert await sandbox.behave(final={fault: 1.0}) == 204
        async with Smtp(sandbox) as client:
            await client.send("b@mekong.test", mail(ONE))

            assert await client.answer() == said

        assert await sandbox.ids("email") == ({str(ONE): 1} if kept else {})

    async def test_421_hangs_up_after_its_answer(self, sandbox: Sandbox):
        await sandbox.behave(final={"421 4.3.2 closing": 1.0})
        async with Smtp(sandbox) as client:
            await client.send("b@mekong.test", mail(ONE))

            assert await client.answer() == "421"
            assert await client.reader.read() == b""

    @pytest.mark.parametrize(("fault", "kept"), [("silent", 1), ("lost", 0)])
    async def test_silence_with_and_without_the_mail(self, sandbox: Sandbox, fault: str, kept: int):
        await sandbox.behave(final={fault: 1.0})
        async with Smtp(sandbox) as client:
            await client.send("b@mekong.test", mail(ONE))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.answer(), 0.3)

        assert len(await sandbox.ids("email")) == kept

    async def test_it_hangs_up_amid_a_mail(self, sandbox: Sandbox):
        await sandbox.behave(cut=1.0)
        async with Smtp(sandbox) as client:
            await client.send("b@mekong.test", mail(ONE))

            assert await client.answer() == ""

        assert await sandbox.ids("email") == {}

    async def test_it_does_not_offer_pipelining(self, sandbox: Sandbox):
        await sandbox.behave(pipelining="absent")
        async with Smtp(sandbox) as client:
            await client.say("EHLO test")

            assert b"PIPELINING" not in await client.reader.readuntil(b"250 HELP\r\n")

    async def test_it_forgets_what_came_behind_a_mail_command(self, sandbox: Sandbox):
        await sandbox.behave(pipelining="broken")
        async with Smtp(sandbox) as client:
            await client.say("EHLO test")
            await client.answer()
            await client.say("MAIL FROM:<a@mekong.test>", "RCPT TO:<b@mekong.test>", "DATA")

            assert await client.answer() == "250"
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.answer(), 0.3)

    async def test_one_of_a_hundred_recipients_is_refused(self, sandbox: Sandbox):
        await sandbox.behave(rcpt={"550 5.1.1 nobody": 0.01}, seed=1)
        async with Smtp(sandbox) as client:
            await client.say("EHLO test", "MAIL FROM:<a@mekong.test>")
            assert [await client.answer() for _ in range(2)] == ["250"] * 2
            await client.say(*(f"RCPT TO:<b{n}@mekong.test>" for n in range(1_000)))
            answers = [await client.answer() for _ in range(1_000)]

        assert 1 <= answers.count("550") <= 30

    @pytest.mark.parametrize("how", [{"final": {"close": 1.1}}, {"other": 1}, {"pipelining": "no"}])
    async def test_it_says_what_it_does_not_know(self, sandbox: Sandbox, how: dict):
        assert await sandbox.behave(**how) == 400

    async def test_it_is_well_again(self, sandbox: Sandbox):
        await sandbox.behave(final={"close": 1.0})
        await sandbox.behave()
        async with Smtp(sandbox) as client:
            await client.send("b@mekong.test", mail(ONE))

            assert await client.answer() == "250"


class TestSmsc:
    async def test_it_answers_with_a_number_and_sends_the_receipt(self, sandbox: Sandbox):
        async with Smpp(sandbox) as client:
            client.submit("84901234567", b"Xin chao", ONE, receipt=1)

            # On a busy machine the receipt may be first, as with many an SMSC.
            said = {command: (status, body) for command, status, body in await client.read_all(2)}
            (status, number), (_, receipt) = said[0x80000004], said[0x05]
            assert status == 0
            assert b"id:" + number.rstrip(b"\0") in receipt
            assert b"stat:DELIVRD" in receipt
            assert ONE.bytes in receipt

    @pytest.mark.parametrize(("suffix", "status"), [("1", 0x0B), ("2", 0x58)])
    async def test_it_refuses_certain_numbers(self, sandbox: Sandbox, suffix: str, status: int):
        async with Smpp(sandbox) as client:
            client.submit(f"8490999000{suffix}", b"x", ONE)

            assert (await client.read())[:2] == (0x80000004, status)

        assert await sandbox.ids("sms") == {}

    async def test_the_silent_number_is_kept_and_never_answered(self, sandbox: Sandbox):
        async with Smpp(sandbox) as client:
            client.submit("84909990003", b"x", ONE)
            client.submit("84901234567", b"x", TWO)

            assert (await client.read())[0] == 0x80000004
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.read(), 0.5)

        assert await sandbox.ids("sms") == {str(ONE): 1, str(TWO): 1}

    async def test_the_closing_number_is_kept_and_cuts_the_connection(self, sandbox: Sandbox):
        async with Smpp(sandbox) as client:
            client.submit("84909990004", b"x", ONE)

            with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
                await asyncio.wait_for(client.read(), 5)

        assert await sandbox.ids("sms") == {str(ONE): 1}

    async def test_parts_of_a_long_message_are_one_copy_of_it(self, sandbox: Sandbox):
        async with Smpp(sandbox) as client:
            for part, text in enumerate(("Chào ", "bạn"), start=1):
                header = bytes([5, 0, 3, 9, 2, part])
                fields = {"esm_class": 0x40, "data_coding": 8}
                client.submit("84901234567", header + text.encode("utf-16-be"), ONE, **fields)
                await client.read()

        assert await sandbox.ids("sms") == {str(ONE): 1}
        newest = (await sandbox.json("/api/messages?channel=sms"))["items"]
        assert [(row["part"], row["parts"], row["subject"]) for row in newest] == [
            (2, 2, "bạn"),
            (1, 2, "Chào "),
        ]

    async def test_a_receipt_due_when_it_stopped_comes_after_the_next_bind(self, sandbox: Sandbox):
        async with Smpp(sandbox) as client:
            client.submit("84909990003", b"x", ONE, receipt=1)
            client.submit("84901234567", b"x", TWO)
            await client.read()
            client.writer.close()
        await sandbox.close()

        await sandbox.start()

        async with Smpp(sandbox) as client:
            command, _, receipt = await asyncio.wait_for(client.read(), 5)
            assert command == 0x05
            assert ONE.bytes in receipt


class TestInbox:
    async def test_it_shows_a_mail_cleaned_and_its_parts(self, sandbox: Sandbox):
        async with Smtp(sandbox) as client:
            await client.send("b@mekong.test", mail(ONE, subject="Ưu đãi tháng này"))
            await client.answer()

        shown = await sandbox.json("/api/messages/1")
        assert shown["subject"] == "Ưu đãi tháng này"
        assert shown["text"].strip() == "Chào bạn"
        html = await sandbox.get("/api/messages/1/html")
        assert "<p>Chào bạn</p>" in html
        assert "script" not in html

    async def test_search_finds_by_subject_and_pages_go_back_in_time(self, sandbox: Sandbox):
        async with Smtp(sandbox) as client:
            for subject in ("Mot 100%", "Hai", "Mot 1000"):
                await client.send("b@mekong.test", mail(ONE, subject=subject))
                await client.answer()

        found = await sandbox.json("/api/messages?q=100%25")
        assert [row["subject"] for row in found["items"]] == ["Mot 100%"]
        first = await sandbox.json("/api/messages?limit=2")
        assert [row["seq"] for row in first["items"]] == [3, 2]
        rest = await sandbox.json(f"/api/messages?limit=2&before={first['next']}")
        assert ([row["seq"] for row in rest["items"]], rest["next"]) == ([1], None)

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("/api/ids", 400),
            ("/api/ids?channel=fax", 400),
            ("/api/messages?before=x", 400),
            ("/api/messages/99", 404),
        ],
    )
    async def test_a_bad_question_is_refused(self, sandbox: Sandbox, path: str, status: int):
        with pytest.raises(aiohttp.ClientResponseError) as refused:
            await sandbox.get(path)

        assert refused.value.status == status
