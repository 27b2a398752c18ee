"""How many segments a text takes."""

import pytest

from services.campaigns.domain import sms


class TestShape:
    @pytest.mark.parametrize(
        ("text", "encoding", "segments"),
        [
            ("", "gsm7", 0),
            ("a" * 160, "gsm7", 1),
            ("a" * 161, "gsm7", 2),
            ("a" * 306, "gsm7", 2),
            ("a" * 307, "gsm7", 3),
            ("€" * 80, "gsm7", 1),
            ("€" * 81, "gsm7", 2),
            # An escaped character is not split, so each segment holds 76 of them.
            ("€" * 152, "gsm7", 2),
            ("€" * 153, "gsm7", 3),
            ("à" * 160, "gsm7", 1),
            ("ạ" * 70, "ucs2", 1),
            ("ạ" * 71, "ucs2", 2),
            ("ạ" * 134, "ucs2", 2),
            ("ạ" * 135, "ucs2", 3),
            ("🌸" * 35, "ucs2", 1),
            ("🌸" * 36, "ucs2", 2),
            # A surrogate pair is not split, so each segment holds 33 of them.
            ("🌸" * 66, "ucs2", 2),
            ("🌸" * 67, "ucs2", 3),
            ("Chao ban", "gsm7", 1),
            ("Chào bạn", "ucs2", 1),
        ],
    )
    def test_it_follows_the_standard(self, text: str, encoding: str, segments: int) -> None:
        found = sms.shape(text)

        assert (found.encoding, found.segments) == (encoding, segments)
