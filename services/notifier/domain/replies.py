"""Whether what somebody wrote back means that they want nothing more."""

import re
import unicodedata

_WORDS = frozenset(
    {"STOP", "UNSUBSCRIBE", "END", "QUIT", "CANCEL", "HUY", "TC", "TU CHOI", "TUCHOI"}
)
# These alone mean a refusal also with a word or two behind them: "TC QC", "HUY SONGHONG".
_BEGINNINGS = frozenset({"STOP", "UNSUBSCRIBE", "HUY", "TC", "TUCHOI"})
_MOST_WORDS = 3


def refusal(text: str) -> str | None:
    """The word that refuses, as it is kept as evidence; None when the text is another.

    In any case, with accents or without, whatever punctuation is around it.
    """
    words: list[str] = re.findall(r"[A-Z0-9]+", plain(text).upper())
    whole = " ".join(words)
    if whole in _WORDS:
        return whole
    if 1 < len(words) <= _MOST_WORDS and words[0] in _BEGINNINGS:
        return words[0]
    if len(words) == _MOST_WORDS and " ".join(words[:2]) == "TU CHOI":
        return "TU CHOI"
    return None


def plain(text: str) -> str:
    """The text without accents: letters as GSM 03.38 has them."""
    split = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(it for it in split if not unicodedata.combining(it))
