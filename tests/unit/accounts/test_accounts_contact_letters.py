"""What customers are sent says who sends it, and that a code is for nobody else."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from services.accounts.domain import contact_letters
from services.accounts.domain.logins import Channel, ContactLogin, Problem, State

HOUSE, URL = "Công ty Đất Việt <Xanh>", "https://khach.example.com"
LINK = f"{URL}/portal/welcome/secret"


def login(by: Channel, language: str = "vi") -> ContactLogin:
    return ContactLogin(
        id=UUID(int=1),
        revision=1,
        contact_id=UUID(int=2),
        display_name="Lan",
        name_key="lan",
        language=language,
        channel=by,
        address="+84912345678" if by is Channel.SMS else "lan@example.vn",
        address_key="lan@example.vn",
        state=State.INVITED,
        problem=Problem.NONE,
        invite_time=None,
        last_sign_in_time=None,
        create_time=datetime.now(UTC),
    )


@pytest.mark.parametrize(("language", "of"), [("vi", "của"), ("en", "of")])
def test_mails_name_the_house(language: str, of: str) -> None:
    reader = login(Channel.EMAIL, language)

    for words in (
        contact_letters.invitation(reader, LINK, HOUSE),
        contact_letters.code(reader, "123456", URL, HOUSE),
    ):
        assert words.subject.endswith(f"{of} {HOUSE}")
        assert HOUSE in words.text
        assert "&lt;Xanh&gt;" in words.html


@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_house_without_a_name_says_nothing_of_it(language: str) -> None:
    reader = login(Channel.EMAIL, language)

    for words in (
        contact_letters.invitation(reader, LINK),
        contact_letters.code(reader, "123456", URL),
    ):
        assert "{" not in words.subject + words.text + words.html
        assert not words.subject.endswith((" ", "of", "của"))


@pytest.mark.parametrize(
    ("language", "warning"), [("vi", "KHONG chia se ma nay"), ("en", "Do NOT share it")]
)
def test_an_sms_begins_with_the_house_in_letters_that_every_phone_has(
    language: str, warning: str
) -> None:
    words = contact_letters.code(login(Channel.SMS, language), "123456", URL, HOUSE * 3)

    assert words.text.startswith("Cong ty Dat Viet <Xanh>")
    assert warning in words.text
    assert words.text.splitlines()[-1] == "@khach.example.com #123456"
    assert words.text.isascii()
    assert len(words.text) <= 160


@pytest.mark.parametrize("language", ["vi", "en"])
def test_an_invitation_by_sms_stays_one_segment(language: str) -> None:
    link = f"{URL}/portal/welcome/{'x' * 43}"

    words = contact_letters.invitation(login(Channel.SMS, language), link, HOUSE)

    assert words.text.startswith("Cong ty")
    assert words.text.endswith(link)
    assert len(words.text) <= 160
