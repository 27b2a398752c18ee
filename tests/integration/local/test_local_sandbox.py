"""The sandbox SMSC over its real wire, and the page that shows what both peers got."""

import asyncio

import aiohttp
import pytest

from tests.integration.local.sandbox_parts import ONE, TWO, Sandbox, Smpp, Smtp, mail


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
