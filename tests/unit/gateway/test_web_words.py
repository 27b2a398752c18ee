"""Both catalogues say the same things, and everything that pages say is in them."""

import re
import string
from pathlib import Path

import pytest

from services.gateway.web import names as enum_names
from services.gateway.web import shell, words

WEB = Path(words.__file__).parent
# The ways into the portal; test_portal_pages.py looks at its other pages, which have more words.
WAYS_IN = WEB.parent / "portal" / "sign_in.py"
SHOWN = {"base.html", "parts.html", *re.findall(r'"([a-z_]+\.html)"', WAYS_IN.read_text("utf-8"))}
FILES = [
    *WEB.glob("*.py"),
    *WEB.glob("templates/web/*.html"),
    WAYS_IN,
    *(WEB.parent / "templates" / "portal" / it for it in sorted(SHOWN)),
]
SAID = re.compile(r"""\bt\(\s*["']([a-z_]+\.[a-z_0-9]+)["']""")
CHOSEN = re.compile(
    r"""["'](?:failure|nav|imports|follow_up|contact|consents|runs|senders|sessions|campaigns|segments"""
    r"""|templates|doubts|support|unreached|recipients|review|reports|requests|series|logins|portal_sign_in)\.[a-z_0-9]+["']"""
)
WHOLE_FAMILIES = (
    "kind status gender channel purpose consent import_state outcome run exclusion recipient type "
    "follow_up series_state doubt_act doubt_teller notification "
    "request request_kind login login_problem"
).split()
SUBJECT = re.compile(r"""subject_type="([a-z_]+)"|changed\(session, "[a-z_]+", "([a-z_]+)\"""")
WITHOUT_A_WORD = {"unspecified"}


def _places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def _used() -> set[str]:
    used: set[str] = set()
    for file in FILES:
        text = file.read_text("utf-8")
        used |= set(SAID.findall(text))
        used |= {it[1:-1] for it in CHOSEN.findall(text) if not it.endswith(('.html"', ".html'"))}
    return {key for key in used if not key.endswith("_")}


class TestCatalogues:
    def test_they_have_the_same_keys(self) -> None:
        assert words.catalogue("vi").keys() == words.catalogue("en").keys()

    def test_each_text_has_the_same_places_in_both(self) -> None:
        differing = [
            key
            for key, text in words.catalogue("vi").items()
            if _places(text) != _places(words.catalogue("en")[key])
        ]

        assert differing == []

    def test_every_key_that_pages_name_exists(self) -> None:
        used = _used()

        assert len(used) > 300
        assert len({it for it in used if it.startswith("portal_sign_in.")}) > 10
        assert used - words.catalogue("vi").keys() == set()

    @pytest.mark.parametrize("family", WHOLE_FAMILIES)
    def test_every_value_of_an_enum_has_its_word(self, family: str) -> None:
        named = set(enum_names.choices(shell.ENUMS[family])) - WITHOUT_A_WORD

        assert {f"{family}.{it}" for it in named} - words.catalogue("vi").keys() == set()

    def test_everything_that_services_tell_the_audit_log_of_has_its_word(self) -> None:
        services = (it.read_text("utf-8") for it in WEB.parents[1].rglob("*.py"))
        found = {f"audit_subject.{a or b}" for it in services for a, b in SUBJECT.findall(it)}

        assert len(found) > 20
        assert found - words.catalogue("vi").keys() == set()

    def test_no_text_is_empty_or_left_in_the_other_language(self) -> None:
        english, vietnamese = words.catalogue("en"), words.catalogue("vi")
        same = {
            key for key in english if english[key] == vietnamese[key] and len(english[key]) > 12
        }

        assert all(english.values())
        assert all(vietnamese.values())
        assert same == {"shape.facebook"}

    def test_words_of_the_glossary_are_used(self) -> None:
        vietnamese = words.catalogue("vi")

        assert vietnamese["recipient.in_doubt"] == "Chưa rõ kết quả"
        assert vietnamese["status.converted"] == "Đã chốt đơn"
        assert vietnamese["nav.follow_ups"] == "Lịch theo dõi"


class TestComplaints:
    def test_what_a_service_says_is_told_in_the_readers_language(self) -> None:
        assert words.complaint("vi", "is longer than 200 characters") == "Dài quá 200 ký tự"
        assert words.complaint("en", "is longer than 200 characters") == (
            "Is longer than 200 characters"
        )

    def test_what_is_not_known_is_told_as_it_was_said(self) -> None:
        assert words.complaint("vi", "is odd") == "Is odd"


class TestOutcomes:
    def test_what_a_service_closed_is_told_in_the_readers_language(self) -> None:
        counted = "sent 12, skipped 0, failed 1, in doubt 2"

        assert words.outcome("vi", "series paused") == "Lịch lặp lại đã tạm dừng"
        assert words.outcome("en", "series paused") == "Series paused"
        assert words.outcome("vi", counted) == (
            "Đã gửi 12, bỏ qua 0, không gửi được 1, chưa rõ kết quả 2"
        )

    def test_what_people_wrote_stays_as_they_wrote_it(self) -> None:
        assert words.outcome("vi", "sẽ gọi lại, 2 người") == "sẽ gọi lại, 2 người"
