"""Vietnam's provinces and wards since July 2025, found by any name people use for them."""

import functools
import json
from dataclasses import dataclass
from importlib import resources
from typing import TypedDict

from services.leads.domain import text

_PREFIXES = ("thanh pho ", "tinh ", "tp. ", "tp ", "t.p. ")
_WARD_PREFIXES = ("phuong ", "xa ", "dac khu ", "p. ", "x. ")


class _Entry(TypedDict):
    """One province of the data file."""

    code: str
    name: str
    absorbed: list[str]
    also: list[str]
    wards: list[str]


@dataclass(frozen=True)
class Province:
    """A province or city: `name` as law has it, wards by their folded names."""

    code: str
    name: str
    wards: dict[str, str]

    def ward(self, written: str) -> str | None:
        """Return the official name of a ward, commune or special zone; None when unknown."""
        folded = text.fold(text.line(written))
        return self.wards.get(folded) or self.wards.get(_without(folded, _WARD_PREFIXES)) or None


@functools.lru_cache(maxsize=4096)
def find(written: str) -> Province | None:
    """Return the province by its name, a common short form, or the name of one it absorbed."""
    return _by_name().get(_key(written))


def names() -> list[str]:
    """Return the 34 official names, in the order of their codes."""
    return [it.name for it in _provinces()]


@functools.cache
def _by_name() -> dict[str, Province]:
    found: dict[str, Province] = {}
    for province, others in zip(_provinces(), _others(), strict=True):
        for name in (province.name, *others):
            found[_key(name)] = province
    return found


@functools.cache
def _provinces() -> list[Province]:
    return [Province(it["code"], it["name"], _wards(it["wards"])) for it in _document()]


def _others() -> list[list[str]]:
    return [[*it["absorbed"], *it["also"]] for it in _document()]


def _wards(official: list[str]) -> dict[str, str]:
    by_name: dict[str, str] = {}
    for name in official:
        folded = text.fold(name)
        by_name[folded] = name
        # Of a ward and a commune of one name, the short form means neither for certain.
        short = _without(folded, _WARD_PREFIXES)
        by_name[short] = name if short not in by_name else ""
    return by_name


@functools.cache
def _document() -> list[_Entry]:
    source = resources.files("services.leads.domain").joinpath("provinces.json")
    return list(json.loads(source.read_text(encoding="utf-8"))["provinces"])


def _key(written: str) -> str:
    folded = _without(text.fold(text.line(written)), _PREFIXES)
    return "".join(it for it in folded if it.isalnum())


def _without(folded: str, prefixes: tuple[str, ...]) -> str:
    for prefix in prefixes:
        if folded.startswith(prefix):
            return folded.removeprefix(prefix)
    return folded
