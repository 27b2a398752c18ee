"""TLS and AUTH towards a real mail server: what is not safe is not done, and loses nothing."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from services.notifier.channels import smtp
from services.notifier.domain.states import State
from tests.integration.notifier.notifier_parts import House, people
from tests.integration.notifier.tls_parts import (
    LOOPBACK,
    PASSWORD,
    USER,
    Authority,
    Taken,
    server,
    wire,
)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """The one whose certificates are good."""
    return Authority(tmp_path, "ca")


async def until(true: Callable[[], object]) -> None:
    """Waits until something is so."""
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 (told by nobody)
            await asyncio.sleep(0.02)


class TestTls:
    @pytest.mark.parametrize("implicit", [True, False])
    async def test_mails_go_encrypted_to_who_proves_its_name(
        self, house: House, authority: Authority, implicit: bool
    ) -> None:
        context, taken = authority.server(LOOPBACK), Taken()
        how: dict[str, Any] = (
            {"implicit": context}
            if implicit
            else {"tls_context": context, "require_starttls": True}
        )
        run = await house.take(list(people(20)))
        async with server(taken, **how) as port:
            peer: dict[str, Any] = {"tls": True} if implicit else {"starttls": "required"}
            house.engine(wire(port, ca_file=str(authority.file), **peer))
            await house.until(run, {State.ACCEPTED: 20})

        assert sorted(taken.mails) == sorted(people(20))
        assert taken.encrypted == {True}

    async def test_what_is_offered_is_taken_and_what_is_not_is_done_without(
        self, house: House, authority: Authority
    ) -> None:
        run = await house.take(list(people(4)))
        with_tls, without = Taken(), Taken()
        async with server(with_tls, tls_context=authority.server(LOOPBACK)) as port:
            engine = house.engine(wire(port, starttls="offered", ca_file=str(authority.file)))
            await house.until(run, {State.ACCEPTED: 4})
            await engine.stop()  # type: ignore[attr-defined]
        another = await house.take(list(people(4)))
        async with server(without) as port:
            house.engine(wire(port, starttls="offered", ca_file=str(authority.file)))
            await house.until(another, {State.ACCEPTED: 4})

        assert with_tls.encrypted == {True}
        assert without.encrypted == {False}

    @pytest.mark.parametrize(
        ("names", "trusted", "told"),
        [
            (LOOPBACK, False, "certificate refused"),
            ([x509.DNSName("another.test")], True, "certificate refused"),
        ],
    )
    @pytest.mark.parametrize("way", ["required", "offered", "implicit"])
    async def test_a_certificate_that_proves_nothing_gets_no_mail_and_loses_none(
        self,
        house: House,
        authority: Authority,
        tmp_path: Path,
        names: list[x509.GeneralName],
        trusted: bool,
        told: str,
        way: str,
    ) -> None:
        another = Authority(tmp_path, "another")
        context, taken = (authority if trusted else another).server(names), Taken()
        run = await house.take(list(people(3)))
        how: dict[str, Any] = (
            {"implicit": context} if way == "implicit" else {"tls_context": context}
        )
        peer = {"tls": True} if way == "implicit" else {"starttls": way}
        async with server(taken, **how) as port:
            made = wire(port, ca_file=str(authority.file), **peer)
            house.engine(made)
            await until(lambda: told in made.trouble)

            assert await house.counts(run) == {State.QUEUED: 3}
        assert taken.mails == []

    async def test_where_tls_is_required_nothing_goes_without(
        self, house: House, authority: Authority
    ) -> None:
        taken = Taken()
        run = await house.take(list(people(3)))
        async with server(taken) as port:
            made = wire(port, starttls="required", ca_file=str(authority.file))
            house.engine(made)
            await until(lambda: made.trouble == "no STARTTLS")

            assert await house.counts(run) == {State.QUEUED: 3}
        assert taken.mails == []

    async def test_what_was_slipped_in_before_the_encryption_counts_for_nothing(
        self, authority: Authority
    ) -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 x\r\n")
            await reader.readline()
            writer.write(b"250-x\r\n250 STARTTLS\r\n")
            await reader.readline()
            # An attacker's words behind the answer, in the same packet.
            writer.write(b"220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n")
            await writer.start_tls(authority.server(LOOPBACK))
            await reader.readline()
            writer.write(b"250 PIPELINING\r\n")
            await reader.read()
            writer.close()

        listening = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with listening:
            port = listening.sockets[0].getsockname()[1]
            peer = smtp.Peer(
                "127.0.0.1", port, "x", starttls="required", ca_file=str(authority.file)
            )
            session = await smtp.Session.open(peer)

            assert "AUTH" not in session.offers
            session.abort()


class TestAuth:
    @pytest.mark.parametrize("way", ["PLAIN", "LOGIN"])
    async def test_it_signs_in_by_what_the_server_knows(
        self, house: House, authority: Authority, way: str
    ) -> None:
        taken = Taken()
        run = await house.take(list(people(6)))
        other = {"PLAIN": "LOGIN", "LOGIN": "PLAIN"}[way]
        async with server(
            taken,
            tls_context=authority.server(LOOPBACK),
            authenticator=taken.authenticate,
            auth_required=True,
            auth_exclude_mechanism=[other],
        ) as port:
            peer = {"user": USER, "password": PASSWORD, "ca_file": str(authority.file)}
            house.engine(wire(port, starttls="required", **peer))
            await house.until(run, {State.ACCEPTED: 6})

        assert taken.signed_in == {True}
        assert {how for how, _ in taken.passwords} == {way}

    async def test_a_wrong_password_is_the_providers_trouble_and_fails_no_message(
        self, house: House, authority: Authority
    ) -> None:
        taken = Taken()
        run = await house.take(list(people(6)))
        async with server(
            taken,
            tls_context=authority.server(LOOPBACK),
            authenticator=taken.authenticate,
            auth_required=True,
        ) as port:
            peer = {"user": USER, "ca_file": str(authority.file), "starttls": "required"}
            wrong = wire(port, password="wrong", **peer)
            engine = house.engine(wrong)
            await until(lambda: wrong.trouble.startswith("535"))
            assert await house.counts(run) == {State.QUEUED: 6}
            assert "wrong" not in wrong.trouble
            await engine.stop()  # type: ignore[attr-defined]

            house.engine(wire(port, password=PASSWORD, **peer))
            await house.until(run, {State.ACCEPTED: 6})

    @pytest.mark.filterwarnings("ignore:Requiring AUTH")
    async def test_no_password_is_told_in_clear(self, house: House) -> None:
        taken = Taken()
        run = await house.take(list(people(2)))
        async with server(
            taken, authenticator=taken.authenticate, auth_required=True, auth_require_tls=False
        ) as port:
            made = wire(port, user=USER, password=PASSWORD, starttls="offered")
            house.engine(made)
            await until(lambda: made.trouble == "no password without TLS")

            assert await house.counts(run) == {State.QUEUED: 2}
        assert taken.passwords == []

    async def test_a_server_that_knows_neither_way_is_trouble(
        self, house: House, authority: Authority
    ) -> None:
        run = await house.take(list(people(2)))
        async with server(
            Taken(),
            tls_context=authority.server(LOOPBACK),
            auth_exclude_mechanism=["PLAIN", "LOGIN"],
        ) as port:
            made = wire(
                port,
                user=USER,
                password=PASSWORD,
                starttls="required",
                ca_file=str(authority.file),
            )
            house.engine(made)
            await until(lambda: made.trouble == "no AUTH by PLAIN or LOGIN")

            assert await house.counts(run) == {State.QUEUED: 2}

    @pytest.mark.filterwarnings("ignore:Requiring AUTH")
    async def test_a_server_that_wants_a_password_we_do_not_have_fails_no_message(
        self, house: House
    ) -> None:
        taken = Taken()
        run = await house.take(list(people(2)))
        async with server(
            taken, authenticator=taken.authenticate, auth_required=True, auth_require_tls=False
        ) as port:
            house.engine(wire(port))
            await house.until(run, {State.DEFERRED: 2})

        rows = await house.sql("SELECT reason FROM messages WHERE run_id = :run", run=run)
        assert {it.reason for it in rows} == {"PROVIDER_BUSY"}
