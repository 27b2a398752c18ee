"""The words of the pages: one catalogue a language, looked up by a dotted key."""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from services.gateway.languages import Language

LANGUAGES: tuple[Language, ...] = ("vi", "en")
CATALOGUES = Path(__file__).parent / "catalogue"

_NUMBER = re.compile(r"(?<!\w)'[^']*'|\d+(?:\.\d+)*")
_LINE = re.compile(r"line (\d+): ")


@cache
def catalogue(language: Language, folder: Path = CATALOGUES) -> Mapping[str, str]:
    """Return every text of `language` by its key (`contacts.title`)."""
    tables = tomllib.loads((folder / f"{language}.toml").read_text(encoding="utf-8"))
    return {
        f"{section}.{name}": text
        for section, texts in tables.items()
        for name, text in texts.items()
    }


def text(language: Language, key: str, **values: Any) -> str:
    """Return the text of `key` with its {places} filled; raises `KeyError` for an unknown key."""
    found = catalogue(language)[key]
    return found.format(**values) if values else found


def known(language: Language, key: str, otherwise: str) -> str:
    """Return the text of `key`, or `otherwise` for what a service may name and we do not know."""
    return catalogue(language).get(key, otherwise)


def complaint(language: Language, said: str) -> str:
    """Return what a service says of a field in the reader's language.

    Services speak English; sentences that differ only by numbers and quoted names share one entry.
    What is not in the catalogue is shown as it was said: better an English reason than none.
    """
    found = _complaints().get(_NUMBER.sub("#", said)) if language == "vi" else None
    line = _LINE.match(said)
    if found is None and line is not None and language == "vi":
        return f"Dòng {line.group(1)}: {complaint(language, said[line.end() :])}"
    if found is None:
        return said[:1].upper() + said[1:]
    numbers = _NUMBER.findall(said)
    for number in numbers:
        found = found.replace("#", number, 1)
    return found


def outcome(language: Language, said: str) -> str:
    """Return what came of a follow-up: what a service wrote in the reader's language, else as is.

    Services close what sends itself, or is taken back, in English.
    """
    return complaint(language, said) if _NUMBER.sub("#", said) in _complaints() else said


@cache
def _complaints() -> Mapping[str, str]:
    return tomllib.loads((CATALOGUES / "complaints.toml").read_text(encoding="utf-8"))
