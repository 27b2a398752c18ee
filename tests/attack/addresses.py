"""Every address of the gateway, filled with ids, as its own map names them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from flask import Flask
from werkzeug.routing import Rule

ID = "0192f3a0-0000-7000-8000-000000000001"
SAFE = {"GET", "HEAD", "OPTIONS"}


@dataclass(frozen=True)
class Address:
    """A method and a path, and the name of what answers."""

    method: str
    path: str
    endpoint: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_for_signed_in(self) -> bool:
        """Whether a session is asked for; the map says so by the names of its parts."""
        return not self.endpoint.startswith("public.") and self.endpoint != "static"


def every(app: Flask, *methods: str) -> Iterator[Address]:
    """Every address of `app` that takes one of `methods`, any but the automatic ones if none."""
    for rule in app.url_map.iter_rules():
        offered = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        for method in sorted(offered & set(methods) if methods else offered):
            yield Address(method, filled(rule), rule.endpoint)


def filled(rule: Rule, given: Mapping[str, object] = MappingProxyType({})) -> str:
    """The path with an id in each place; the places of some kinds of its own take a word."""
    values = {name: _value(rule, name) or given.get(name, ID) for name in rule._converters}
    built = rule.build(values, append_unknown=False)
    assert built is not None, rule
    return built[1]


def _value(rule: Rule, name: str) -> object:
    """A word for a place that takes no id, None for one that does."""
    kind = type(rule._converters[name]).__name__
    if kind == "IntegerConverter":
        return 1
    if kind == "AnyConverter":
        return sorted(rule._converters[name].items)[0]  # type: ignore[attr-defined]
    return None
