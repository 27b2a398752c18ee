"""What users are told of changes to how they sign in: all of it, in both languages."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from services.accounts.domain import notices
from services.accounts.domain.letters import NOTICES, Kind, Words
from services.accounts.domain.people import User

AT = datetime(2026, 11, 23, 18, 30, tzinfo=UTC)
PAGE = "https://crm.example.com/account/security"


def written(kind: Kind, locale: str, time_zone: str = "Asia/Ho_Chi_Minh") -> Words:
    user = User(
        *(UUID(int=1), 1, "lan@b.vn", "Lan", UUID(int=2), None, locale, time_zone, True, AT, None)
    )
    return notices.written(kind, user, AT, PAGE)


class TestWords:
    def test_each_change_is_told_in_words_of_its_own(self) -> None:
        for locale in ("vi", "en"):
            texts = {written(kind, locale).text for kind in NOTICES}
            assert len(texts) == len(NOTICES)
            assert all(f"\n\n{PAGE}\n\n" in text for text in texts)

    @pytest.mark.parametrize(
        ("locale", "time_zone", "shown"),
        [
            ("vi", "Asia/Ho_Chi_Minh", "Lúc: 24/11/2026 01:30 (Asia/Ho_Chi_Minh)."),
            ("en", "America/New_York", "When: 23 Nov 2026, 13:30 (America/New_York)."),
            ("fr", "UTC", "Lúc: 23/11/2026 18:30 (UTC)."),
        ],
    )
    def test_the_time_is_the_users(self, locale: str, time_zone: str, shown: str) -> None:
        assert shown in written(Kind.CODES_REPLACED, locale, time_zone).text
