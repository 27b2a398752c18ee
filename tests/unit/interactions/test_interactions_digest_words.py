"""What an e-mail says of notifications: each kind in each language, with how many."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from services.interactions.domain import digests
from services.interactions.domain.notifications import Kind, Notification
from services.interactions.domain.reminder_letters import Colleague

NOW = datetime(2026, 5, 1, 5, tzinfo=UTC)


def told(kind: Kind, count: int = 0) -> Notification:
    return Notification(
        id=uuid4(),
        kind=kind,
        actor_id="u1",
        contact_id=None,
        note_id=None,
        follow_up_id=None,
        proposal_id=None,
        batch_id=None,
        series_id=None,
        request_id=None,
        follow_up_count=count,
        title="Gọi <Đào>",
        text="bí mật",
        event="",
        start_time=None,
        create_time=NOW,
        read_time=None,
    )


def colleague(locale: str) -> Colleague:
    return Colleague(address="a@b.example", locale=locale, time_zone="Asia/Ho_Chi_Minh")


@pytest.mark.parametrize(
    ("locale", "line"),
    [
        ("vi", "01/05 12:00 · Bạn được giao nhiều lịch theo dõi · 120 lịch theo dõi · Gọi <Đào>"),
        ("en", "01/05 12:00 · Follow-ups were given to you · Follow-ups: 120 · Gọi <Đào>"),
    ],
)
def test_how_many_were_given_stands_beside_the_title(locale: str, line: str) -> None:
    words = digests.written([told(Kind.BATCH_ASSIGNED, 120)], "https://x", colleague(locale))

    assert words.text.splitlines()[0] == line
    assert "Gọi &lt;Đào&gt;" in words.html


@pytest.mark.parametrize("locale", ["vi", "en"])
@pytest.mark.parametrize("kind", Kind)
def test_each_kind_has_words_and_no_one_elses(kind: Kind, locale: str) -> None:
    words = digests.written([told(kind)], "https://x", colleague(locale))

    parts = 1 if kind is Kind.REQUEST else 2  # the subject of a request is what a customer wrote
    assert words.text.splitlines()[0].count(" · ") == parts
    assert "bí mật" not in words.text + words.html


def test_the_subject_of_a_request_is_a_customers_words_and_stays_here() -> None:
    words = digests.written([told(Kind.REQUEST)], "https://x", colleague("vi"))

    assert "Gọi" not in words.text + words.html
