"""Texts that no key opens just now: kept as they lie, and shown as what they are."""

from chassis import sealing

SHOWN = "\ufffd"
"""Stands in place of one; written back it changes nothing."""


def is_so(text: str) -> bool:
    """Whether a text is still sealed; none that people write begins so."""
    return text.startswith(sealing.MARK)


def shown(text: str) -> str:
    """Return a text as people see it."""
    return SHOWN if is_so(text) else text
