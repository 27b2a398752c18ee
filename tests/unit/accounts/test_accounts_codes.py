"""Codes of authenticators, recovery codes, and the mails that carry links."""

import base64
import re
from datetime import UTC, datetime

import pytest

from services.accounts.domain import letters, recovery, totp


class TestCodesByTime:
    # RFC 6238, appendix B, SHA-1; its codes have eight digits, of which six are shown.
    SECRET = base64.b32encode(b"12345678901234567890").decode()

    def at(self, seconds: int) -> datetime:
        return datetime.fromtimestamp(seconds, UTC)

    @pytest.mark.parametrize(
        ("seconds", "code"),
        [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ],
    )
    def test_they_are_those_of_the_rfc(self, seconds: int, code: str) -> None:
        step = totp.accepted_step(self.SECRET, code, self.at(seconds), after=0)

        assert step == seconds // 30

    def test_one_step_of_drift_each_way_is_accepted_and_no_more(self) -> None:
        accepted = [
            drift
            for drift in range(-4, 5)
            if totp.accepted_step(self.SECRET, "005924", self.at(1_234_567_890 + 30 * drift), 0)
        ]

        assert accepted == [-1, 0, 1]

    def test_none_is_accepted_of_a_step_that_was_used_or_before(self) -> None:
        now, step = self.at(1_234_567_890), 1_234_567_890 // 30

        assert totp.accepted_step(self.SECRET, "005924", now, after=step - 1) == step
        assert totp.accepted_step(self.SECRET, "005924", now, after=step) is None

    @pytest.mark.parametrize("code", ["", "12345", "1234567", "12345a", "١٢٣٤٥٦", " 12345"])
    def test_six_digits_are_a_code_and_nothing_else(self, code: str) -> None:
        assert not totp.is_code(code)
        assert totp.is_code("005924")

    def test_secrets_have_160_bits_and_differ(self) -> None:
        secrets = {totp.new_secret() for _ in range(20)}

        assert len(secrets) == 20
        assert {len(base64.b32decode(it)) for it in secrets} == {20}


class TestRecoveryCodes:
    def test_they_differ_and_are_easy_to_read(self) -> None:
        codes = recovery.new_codes()

        assert len(set(codes)) == recovery.COUNT
        assert all(re.fullmatch(r"[a-z2-7]{4}(-[a-z2-7]{4}){5}", it) for it in codes)
        assert all(recovery.is_code(it) for it in codes)

    def test_how_one_is_typed_makes_no_difference(self) -> None:
        (code, other, *_) = recovery.new_codes()

        typed = [code.upper(), code.replace("-", " "), f" {code.replace('-', '')} "]

        assert {recovery.digest(it) for it in typed} == {recovery.digest(code)}
        assert recovery.digest(other) != recovery.digest(code)

    @pytest.mark.parametrize("text", ["", "123456", "abcd-efgh"])
    def test_what_is_shorter_is_none(self, text: str) -> None:
        assert not recovery.is_code(text)


class TestLetters:
    @pytest.mark.parametrize("kind", [letters.Kind.RESET, letters.Kind.INVITATION])
    @pytest.mark.parametrize("locale", ["vi", "en"])
    def test_each_says_who_it_is_for_and_where_to_go(self, kind: letters.Kind, locale: str) -> None:
        link = "https://crm.example.com/password/abc"

        words = letters.written(kind, link, "Lan <b>", "lan@mekong.example", locale)

        assert words.address == "lan@mekong.example"
        assert link in words.text
        assert f'<a href="{link}">' in words.html
        assert "Lan <b>" in words.text
        assert "Lan &lt;b&gt;" in words.html
        assert "{" not in words.subject + words.text + words.html

    def test_another_language_is_vietnamese(self) -> None:
        words = letters.written(letters.Kind.RESET, "x", "Lan", "lan@mekong.example", "fr")

        assert words.subject == "Đặt lại mật khẩu Mekong"

    def test_a_link_shows_in_no_log(self) -> None:
        words = letters.written(letters.Kind.RESET, "SECRET", "Lan", "l@mekong.example", "en")

        assert "SECRET" not in repr(words)
