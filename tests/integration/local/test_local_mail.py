"""The sandbox mail server over its real wire: what it keeps, answers and breaks on request."""

import asyncio

import pytest

from tests.integration.local.sandbox_parts import ONE, TWO, Sandbox, Smtp, mail


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

    @pytest.mark.parametrize("behind", ["", ".\r\nMAIL FROM:<next@mekong.test>\r\n"])
    async def test_421_hangs_up_after_its_answer(self, sandbox: Sandbox, behind: str):
        await sandbox.behave(final={"421 4.3.2 closing": 1.0})
        async with Smtp(sandbox) as client:
            await client.send("b@mekong.test", mail(ONE) + behind)

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
