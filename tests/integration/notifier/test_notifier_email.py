"""Messages reach a real SMTP server once, whatever it does."""

import asyncio
import email
import email.policy
import re
import uuid
from pathlib import Path

import dkim
import pytest
import structlog
from prometheus_client import REGISTRY

from services.notifier.channels.dkim import keys
from services.notifier.domain.states import State
from services.notifier.workers import keyring
from tests.integration.notifier.notifier_parts import House, MailServer, people
from tests.unit.notifier.dkim_parts import Mounted, key


def make_key(folder: Path, selector: str, *, rsa: bool = False, domain: str = "songhong.vn") -> str:
    """Puts a key into a folder; returns its record."""
    private = keys.generate(rsa=rsa)
    (folder / f"{selector}._domainkey.{domain}").write_bytes(keys.pem(private))
    return keys.record(private)


class TestSending:
    async def test_everybody_of_a_run_gets_one_mail(self, house: House, mail: MailServer) -> None:
        run = await house.take(list(people(120)))
        house.engine(mail.wire())

        await house.until(run, {State.ACCEPTED: 120})

        assert sorted(mail.taken) == sorted(people(120))

    async def test_a_server_without_pipelining_is_served_step_by_step(self, house: House) -> None:
        plain = MailServer(pipelining=False)
        await plain.start()
        run = await house.take([*people(30), "refuse@example.vn"])
        house.engine(plain.wire())

        await house.until(run, {State.ACCEPTED: 30, State.FAILED: 1})

        assert sorted(plain.taken) == sorted(people(30))
        await plain.stop()

    async def test_a_chunk_that_comes_twice_adds_nothing(
        self, house: House, mail: MailServer
    ) -> None:
        run = await house.take(list(people(10)))
        await house.take(list(people(10)), run_id=run)
        house.engine(mail.wire())

        await house.until(run, {State.ACCEPTED: 10})

        assert len(mail.taken) == 10

    async def test_several_workers_share_a_run(self, house: House, mail: MailServer) -> None:
        run = await house.take(list(people(300)))
        for _ in range(3):
            house.engine(mail.wire())

        await house.until(run, {State.ACCEPTED: 300})

        assert sorted(mail.taken) == sorted(people(300))

    async def test_the_mail_names_its_message_and_how_to_unsubscribe(
        self, house: House, mail: MailServer
    ) -> None:
        run = await house.take(["dao@example.vn"])
        house.engine(mail.wire())
        await house.until(run, {State.ACCEPTED: 1})

        raw = mail.mails["dao@example.vn"].removesuffix(b".\r\n")
        got = email.message_from_bytes(raw, policy=email.policy.default)

        assert got["X-Mekong-Message-Id"] == str(uuid.uuid5(run, "dao@example.vn"))
        assert got["Subject"] == "Chào Đào"
        assert got["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert "/u/" in got["List-Unsubscribe"]
        assert got.get_body(("html",)).get_content().strip() == "<p>Chào Đào</p>"  # type: ignore[union-attr]


class TestSignatures:
    @pytest.mark.parametrize("rsa", [True, False])
    async def test_every_mail_of_a_domain_with_keys_is_signed(
        self, house: House, mail: MailServer, tmp_path: Path, rsa: bool
    ) -> None:
        records = {it: make_key(tmp_path, it, rsa=rsa and it == "one") for it in ("one", "two")}
        run = await house.take(list(people(50)))
        house.engine(mail.wire(), dkim_folder=tmp_path)

        await house.until(run, {State.ACCEPTED: 50})

        def lookup(name: bytes, timeout: int = 5) -> bytes:
            return records[name.decode().partition(".")[0]].encode()

        for raw in mail.mails.values():
            sent = raw.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n.")
            signed = dkim.DKIM(sent)
            assert [signed.verify(idx=at, dnsfunc=lookup) for at in (0, 1)] == [True, True]

    async def test_a_key_turned_meanwhile_signs_what_is_made_next(
        self, house: House, mail: MailServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(keyring, "LOOK_SECONDS", 0.0)
        old, new = (f"{it}._domainkey.songhong.vn" for it in ("old", "new"))
        mounted = Mounted(tmp_path / "keys")
        mounted.swap({old: key()})
        first = await house.take(["one@example.vn"])
        house.engine(mail.wire(), dkim_folder=mounted.path)
        await house.until(first, {State.ACCEPTED: 1})

        mounted.swap({new: key(), "other._domainkey.songhong.vn": key()})
        async with asyncio.timeout(10):
            while REGISTRY.get_sample_value("mekong_notifier_dkim_keys") != 2:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        second = await house.take(["two@example.vn"])
        await house.until(second, {State.ACCEPTED: 1})

        def selectors(of: str) -> list[bytes]:
            return re.findall(rb"s=(\w+);", mail.mails[of].partition(b"\r\n\r\n")[0])

        assert selectors("one@example.vn") == [b"old"]
        assert selectors("two@example.vn") == [b"new", b"other"]

    async def test_a_domain_without_keys_is_told_of_and_goes_unsigned(
        self, house: House, mail: MailServer, tmp_path: Path
    ) -> None:
        make_key(tmp_path, "one", domain="other.vn")
        run = await house.take(["dao@example.vn"])
        with structlog.testing.capture_logs() as logs:
            house.engine(mail.wire(), dkim_folder=tmp_path)
            await house.until(run, {State.ACCEPTED: 1})

        assert b"DKIM-Signature" not in mail.mails["dao@example.vn"]
        assert {"event": "no_dkim_key", "domain": "songhong.vn", "log_level": "warning"} in logs


class TestRefusals:
    async def test_each_answer_has_its_end(self, house: House, mail: MailServer) -> None:
        run = await house.take(
            ["refuse@example.vn", "spam@example.vn", "later@example.vn", *people(20)]
        )
        house.engine(mail.wire())

        await house.until(run, {State.FAILED: 2, State.DEFERRED: 1, State.ACCEPTED: 20})

        rows = await house.sql("SELECT address, reason FROM messages WHERE state IN (3, 11)")
        assert {row.address: row.reason for row in rows} == {
            "refuse@example.vn": "ADDRESS_INVALID",
            "spam@example.vn": "POLICY_REFUSED",
            "later@example.vn": "PROVIDER_BUSY",
        }

    async def test_a_message_that_makes_the_server_hang_up_stops_no_other(
        self, house: House, mail: MailServer
    ) -> None:
        run = await house.take(["hangup@example.vn", *people(40)])
        house.engine(mail.wire())

        await house.until(run, {State.DEFERRED: 1, State.ACCEPTED: 40})

        assert sorted(mail.taken) == sorted(people(40))

    async def test_it_waits_for_a_server_that_is_away(self, house: House) -> None:
        server = MailServer()
        await server.start()
        port, wire = server.port, server.wire()
        await server.stop()
        run = await house.take(list(people(5)))
        house.engine(wire)
        await asyncio.sleep(0.3)

        await server.start(port)

        await house.until(run, {State.ACCEPTED: 5})
        await server.stop()


class TestDomains:
    async def test_a_domain_beyond_its_limit_is_put_off_and_stops_no_other(
        self, house: House, mail: MailServer
    ) -> None:
        slow = [f"a{n}@cham.vn" for n in range(60)]
        run = await house.take([*slow, *people(60)])
        house.engine(mail.wire(), email_domain_limits="cham.vn=5/s")

        await mail.took(60)
        async with asyncio.timeout(20):
            while set(people(60)) - set(mail.taken):  # noqa: ASYNC110 (filled by a handler)
                await asyncio.sleep(0.02)

        counts = await house.counts(run)
        assert counts[State.DEFERRED] >= 30
        rows = await house.sql("SELECT DISTINCT reason FROM messages WHERE state = 3")
        assert [it.reason for it in rows] == ["THROTTLED"]

    async def test_what_was_put_off_goes_at_its_time_and_once(
        self, house: House, mail: MailServer
    ) -> None:
        slow = [f"a{n}@cham.vn" for n in range(12)]
        run = await house.take(slow)
        house.engine(mail.wire(), email_domain_limits="cham.vn=4/s")
        house.sweeper()

        await house.until(run, {State.ACCEPTED: 12})

        assert sorted(mail.taken) == sorted(slow)
        rows = await house.sql("SELECT max(attempts) AS most FROM messages")
        assert rows[0].most == 1

    async def test_a_domain_that_complains_is_left_alone_for_a_while(
        self, house: House, mail: MailServer
    ) -> None:
        run = await house.take(["throttle@cham.vn"])
        house.engine(mail.wire())
        await house.until(run, {State.DEFERRED: 1})

        another = await house.take(["b@cham.vn", "c@nhanh.vn"])
        await house.until(another, {State.DEFERRED: 1, State.ACCEPTED: 1})

        assert mail.taken == ["c@nhanh.vn"]


class TestDoubt:
    async def test_a_connection_that_ends_after_the_final_dot_leaves_it_in_doubt(
        self, house: House, mail: MailServer
    ) -> None:
        run = await house.take(["close@example.vn", *people(20)])
        house.engine(mail.wire())

        await house.until(run, {State.IN_DOUBT: 1, State.ACCEPTED: 20})

        assert mail.taken.count("close@example.vn") == 1
        assert len(mail.taken) == 21

    async def test_silence_after_the_final_dot_leaves_it_in_doubt(
        self, house: House, mail: MailServer
    ) -> None:
        run = await house.take(["silent@example.vn", *people(20)])
        house.engine(mail.wire(final_seconds=1.0))

        await house.until(run, {State.IN_DOUBT: 1, State.ACCEPTED: 20})

        assert mail.taken.count("silent@example.vn") == 1

    async def test_an_answer_is_awaited_beyond_the_lease(
        self, house: House, mail: MailServer
    ) -> None:
        mail.hold.clear()
        run = await house.take(["slow@example.vn"])
        house.engine(mail.wire(), lease_seconds=2.0)
        house.sweeper()
        await house.until(run, {State.SUBMITTING: 1})
        await asyncio.sleep(3.0)
        assert await house.counts(run) == {State.SUBMITTING: 1}

        mail.hold.set()

        await house.until(run, {State.ACCEPTED: 1})

    async def test_doubt_of_a_worker_that_died_is_settled_by_nobody_else(
        self, house: House, mail: MailServer
    ) -> None:
        mail.hold.clear()
        run = await house.take(["lost@example.vn"])
        engine = house.engine(mail.wire(), lease_seconds=2.0)
        await house.until(run, {State.SUBMITTING: 1})
        house.kill(engine)
        house.engine(mail.wire())
        house.sweeper()

        await house.until(run, {State.IN_DOUBT: 1})

        mail.hold.set()
        await asyncio.sleep(0.5)
        assert await house.counts(run) == {State.IN_DOUBT: 1}
        assert mail.taken.count("lost@example.vn") <= 1


class TestCleanStop:
    async def test_what_was_not_written_is_free_at_once(
        self, house: House, mail: MailServer
    ) -> None:
        mail.hold.clear()
        run = await house.take(list(people(200)))
        stop = house.engine(mail.wire(connections=1, window=4), shutdown_grace_seconds=10.0).stop  # type: ignore[attr-defined]
        await asyncio.sleep(0.5)
        stopping = asyncio.create_task(stop())
        await asyncio.sleep(0.1)
        mail.hold.set()
        await stopping

        assert set(await house.counts(run)) <= {State.ACCEPTED, State.QUEUED}
        assert await house.sql("SELECT 1 FROM claims") == []
