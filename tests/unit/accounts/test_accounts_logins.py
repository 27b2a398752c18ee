"""Addresses, codes, states and messages of customers' logins."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock
from uuid import UUID, uuid4

import pytest
from crm.leads.v1 import contact_pb2

from chassis import errors
from chassis.context import Principal
from services.accounts.domain import codes, contact_letters, reachable
from services.accounts.domain import logins as rules
from services.accounts.domain.logins import (
    Channel,
    ContactLogin,
    ContactSession,
    Person,
    Problem,
    Proof,
    State,
)
from services.accounts.messages import logins as messages
from services.accounts.usecases.tokens import Issuer

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
KEY = base64.b64decode(base64.b64encode(bytes(32)))
URL = "https://khach.example.com/"


def login(**given: Any) -> ContactLogin:
    usual: dict[str, Any] = {
        "id": UUID(int=1),
        "revision": 1,
        "contact_id": UUID(int=2),
        "display_name": "Lan <b>",
        "name_key": "lan",
        "language": "vi",
        "channel": Channel.EMAIL,
        "address": "lan@example.vn",
        "address_key": "lan@example.vn",
        "state": State.INVITED,
        "problem": Problem.NONE,
        "invite_time": NOW,
        "last_sign_in_time": None,
        "create_time": NOW,
    }
    return ContactLogin(**{**usual, **given})


class TestAnAddress:
    @pytest.mark.parametrize(
        ("typed", "key"),
        [
            ("0912 345 678", "+84912345678"),
            ("+84 (912) 345-678", "+84912345678"),
            ("+44 7911 123456", "+447911123456"),
            (" Lan@Example.VN ", "lan@example.vn"),
        ],
    )
    def test_spellings_of_one_are_one(self, typed: str, key: str) -> None:
        assert reachable.key(typed) == key
        assert reachable.is_address(typed)

    @pytest.mark.parametrize("typed", ["", "lan", "12", "0912 345 678 ext 3", "@", "9" * 41])
    def test_what_is_none_has_a_key_that_nobody_has(self, typed: str) -> None:
        assert not reachable.is_address(typed)
        assert reachable.key(typed).startswith(("none", "@"))

    def test_the_channel_follows_from_it(self) -> None:
        assert reachable.channel_of("lan@example.vn") is Channel.EMAIL
        assert reachable.channel_of("+84912345678") is Channel.SMS

    @pytest.mark.parametrize(
        ("typed", "part"),
        [("0912 34", "91234"), ("+84912", "84912"), ("Lan@", "lan@"), ("lan 2", "lan 2"), ("", "")],
    )
    def test_a_part_of_a_number_is_looked_for_without_its_first_zero(
        self, typed: str, part: str
    ) -> None:
        assert reachable.part(typed) == part


class TestACode:
    def test_it_has_six_digits_also_when_the_first_are_noughts(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(codes.secrets, "randbelow", lambda _: 42)

        assert codes.new() == "000042"

    def test_what_is_kept_depends_on_the_login_and_the_key(self) -> None:
        kept = codes.digest(KEY, UUID(int=1), "123456")

        assert kept != codes.digest(KEY, UUID(int=2), "123456")
        assert kept != codes.digest(b"x" * 32, UUID(int=1), "123456")
        assert kept != codes.digest(KEY, UUID(int=1), "123457")

    def test_who_asked_for_one_is_read_as_it_was_written(self) -> None:
        for address in ("lan@example.vn", "+84912345678", "none a for b"):
            assert codes.asker(codes.asked(address, b"\x01\xff")) == (address, b"\x01\xff")
        assert codes.asker("lan@example.vn") == ("lan@example.vn", b"")

    def test_spaces_do_not_matter(self) -> None:
        assert codes.typed(" 123 456\n") == "123456"


class TestStates:
    @pytest.mark.parametrize(
        ("state", "moves", "may"),
        [
            (State.INVITED, False, True),
            (State.INVITED, True, True),
            (State.ACTIVE, False, False),
            (State.ACTIVE, True, True),
            (State.DISABLED, True, False),
        ],
    )
    def test_who_may_be_invited_again(self, state: State, moves: bool, may: bool) -> None:
        if may:
            rules.may_be_invited(login(state=state), moves=moves)
        else:
            with pytest.raises(errors.FailedPrecondition):
                rules.may_be_invited(login(state=state), moves=moves)

    def test_one_whose_address_changed_is_invited_and_not_enabled(self) -> None:
        changed = login(state=State.DISABLED, problem=Problem.ADDRESS_CHANGED, address_key=None)

        rules.may_be_invited(changed, moves=True)
        with pytest.raises(errors.FailedPrecondition):
            rules.enabled(changed)

    @pytest.mark.parametrize(
        ("now", "still"),
        [
            ({}, True),
            ({"display_name": "Lan Anh"}, True),
            ({"password_hash": "another"}, False),
            ({"address_key": "moi@example.vn"}, False),
            ({"state": State.DISABLED}, False),
        ],
        ids=["the same", "another name", "another password", "moved", "disabled"],
    )
    def test_what_was_proved_holds_while_nothing_that_proves_changed(
        self, now: Any, still: bool
    ) -> None:
        assert login().is_still(login(**now)) is still

    def test_a_proof_of_who_is_gone_is_none(self) -> None:
        assert not login().is_still(None)

    def test_addresses_of_before_are_remembered_each_once(self) -> None:
        moved = login(address_key="b@a.vn", former_keys=("a@a.vn",))

        assert moved.keys_before("c@a.vn") == ["a@a.vn", "b@a.vn"]
        assert moved.keys_before("a@a.vn") == ["b@a.vn"]
        assert login(address_key=None).keys_before(None) == []

    def test_one_that_is_enabled_is_what_it_was(self) -> None:
        disabled = login(state=State.DISABLED)

        assert rules.enabled(disabled) is State.INVITED
        assert rules.enabled(login(last_sign_in_time=NOW)) is State.ACTIVE
        with pytest.raises(errors.FailedPrecondition):
            rules.enabled(login(problem=Problem.CONTACT_DELETED))

    @pytest.mark.parametrize(
        ("given", "usable"),
        [({}, True), ({"state": State.DISABLED}, False), ({"address_key": None}, False)],
    )
    def test_who_may_sign_in(self, given: Any, usable: bool) -> None:
        assert login(**given).usable is usable

    @pytest.mark.parametrize(
        ("proof", "minutes", "fresh"),
        [
            (Proof.CODE, 14, True),
            (Proof.INVITATION, 14, True),
            (Proof.CODE, 15, False),
            (Proof.PASSWORD, 1, False),
        ],
    )
    def test_what_a_session_proves(self, proof: Proof, minutes: int, fresh: bool) -> None:
        began = NOW - timedelta(minutes=minutes)
        session = ContactSession(uuid4(), uuid4(), b"", proof, "", "", began, began, NOW)

        assert session.is_fresh(NOW) is fresh


class TestAPerson:
    @pytest.mark.parametrize(
        ("locale", "language"),
        [("en-GB", "en"), ("en", "en"), ("vi", "vi"), ("fr", "vi"), ("", "vi")],
    )
    def test_pages_are_in_a_language_that_they_have(self, locale: str, language: str) -> None:
        assert Person(uuid4(), "Lan", locale, {}).language == language

    def test_who_has_no_name_is_called_by_the_code(self) -> None:
        contact = contact_pb2.Contact(id=str(uuid4()), reference_code="KH-7")

        found = messages.person(contact)

        assert (found.name, found.addresses) == ("KH-7", {})


class TestMessages:
    @pytest.mark.parametrize("language", ["vi", "en"])
    def test_an_invitation_says_where_to_go_and_what_with(self, language: str) -> None:
        words = contact_letters.invitation(login(language=language), f"{URL}portal/welcome/x")

        assert f'<a href="{URL}portal/welcome/x">' in words.html
        assert f"{URL}portal/welcome/x" in words.text
        assert "lan@example.vn" in words.text
        assert "Lan &lt;b&gt;" in words.html
        assert "{" not in words.subject + words.text + words.html

    @pytest.mark.parametrize("language", ["vi", "en"])
    def test_a_code_is_not_in_the_subject_which_a_locked_phone_shows(self, language: str) -> None:
        words = contact_letters.code(login(language=language), "123456", URL)

        assert "123456" not in words.subject
        assert "123456" in words.text
        assert "123456" in words.html
        assert "Lan <b>" not in words.html

    @pytest.mark.parametrize("language", ["vi", "en"])
    def test_those_by_sms_are_one_segment_of_plain_letters(self, language: str) -> None:
        one = login(language=language, channel=Channel.SMS, address="+84912345678")
        link = f"{URL}portal/welcome/{'x' * 43}"

        for words in (
            contact_letters.invitation(one, link),
            contact_letters.code(one, "123456", URL),
        ):
            assert (words.subject, words.html, words.channel) == ("", "", Channel.SMS)
            assert words.text.isascii()
            assert len(words.text) <= 160

    def test_they_show_in_no_log(self) -> None:
        assert "123456" not in repr(contact_letters.code(login(), "123456", URL))


class TestActingForACaller:
    def test_the_token_carries_what_the_caller_came_with(self) -> None:
        keyring = Mock()
        issuer = Issuer(keyring, Mock(), 300, lambda: NOW)
        rights = {"contacts": {"read": "own"}}
        caller = Principal("u1", "user", "t1", rights, hidden=frozenset({"contacts.phones"}))

        issuer.own("accounts", "leads", caller)

        (claims,) = keyring.sign.call_args.args
        assert (claims["sub"], claims["knd"], claims["team"]) == ("u1", "user", "t1")
        assert (claims["rights"], claims["hidden"]) == (rights, ["contacts.phones"])
        assert (claims["act"], claims["aud"]) == ({"sub": "accounts"}, ["leads"])

    @pytest.mark.parametrize("caller", [None, Principal("gateway", "service")])
    def test_a_service_that_calls_for_itself_is_not_acted_for(self, caller: Any) -> None:
        keyring = Mock()
        issuer = Issuer(keyring, Mock(), 300, lambda: NOW)

        issuer.own("accounts", "leads", caller)

        (claims,) = keyring.sign.call_args.args
        assert (claims["sub"], claims["knd"]) == ("accounts", "service")
        assert "act" not in claims
