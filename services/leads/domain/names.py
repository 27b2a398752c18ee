"""What a person is called, composed by the order of the locale."""

_FAMILY_FIRST = ("vi", "zh", "ja", "ko", "hu")


def display(family_name: str, given_name: str, locale: str) -> str:
    """Return the whole name: family's name first in Vietnamese, last in English."""
    parts = (family_name, given_name)
    if locale.split("-")[0].lower() not in _FAMILY_FIRST:
        parts = (given_name, family_name)
    return " ".join(it for it in parts if it)
