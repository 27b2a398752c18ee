"""Texts with marks where a person's values go, so that what is fixed is worked on only once.

A template is open when it does nothing with a value but show it, with a default or without, and
ask whether it is there. Two people who have the same values, whatever these are, then get the
same text but for the values themselves.
"""

import re
from collections.abc import Iterable

_OPEN_MARK, _END_MARK = "\ue000", "\ue001"
_MARK = re.compile(f"{_OPEN_MARK}(\\w+){_END_MARK}")
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_LITERAL = r"""(?:"[^"\\]*"|'[^'\\]*')"""
_TAG = re.compile(
    rf"\{{\{{-?\s*{_NAME}\s*(?:\|\s*default\(\s*{_LITERAL}\s*\)\s*)?-?\}}\}}"
    rf"|\{{%-?\s*(?:(?:if|elif)\s+(?:not\s+)?{_NAME}|else|endif)\s*-?%\}}"
)
_OPENERS = ("{{", "{%", "{#")


def is_open(source: str) -> bool:
    """Whether the source of a template is open."""
    if has_marks(source):
        return False
    *before, last = _TAG.split(source)
    # A brace right before a tag would be read together with it.
    if any(it.endswith("{") for it in before):
        return False
    return not any(opener in it for it in (*before, last) for opener in _OPENERS)


def has_marks(text: str) -> bool:
    """Whether a text could be taken for one with marks."""
    return _OPEN_MARK in text or _END_MARK in text


def marks(names: Iterable[str]) -> dict[str, str]:
    """What to render instead of the values with these names."""
    return {name: mark(name) for name in names}


def mark(name: str) -> str:
    """What stands for the value with this name; no escaping changes it."""
    return f"{_OPEN_MARK}{name}{_END_MARK}"


def pieces(text: str) -> list[str]:
    """A text with marks as fixed text and names that take turns, fixed text first and last."""
    return _MARK.split(text)


def count(text: str) -> int:
    """How many values a text has."""
    return text.count(_OPEN_MARK)
