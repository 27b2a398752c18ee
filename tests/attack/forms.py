"""Forms, sent to every address that takes one, by somebody who is of the staff and a customer."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from services import gateway
from services.gateway.stubs import STUBS
from tests.attack import addresses
from tests.attack.addresses import Address

PAGES = ("web.", "my.", "portal.", "public.")
_GATEWAY = Path(next(iter(gateway.__path__)))
_INPUT = re.compile(r"""name=["']([a-z][a-z0-9_.-]*)["']""")


def taking(app: Flask) -> list[Address]:
    """Every address of a page that takes a form."""
    return [it for it in addresses.every(app, "POST") if it.endpoint.startswith(PAGES)]


@cache
def inputs() -> frozenset[str]:
    """The names of inputs: those that a template writes down, and those of fields of requests."""
    files = _GATEWAY.glob("**/templates/**/*.html")
    written = {name for file in files for name in _INPUT.findall(file.read_text("utf-8"))}
    return frozenset(written | {it.name for it in fields()})


@cache
def fields() -> frozenset[FieldDescriptor]:
    """Every field of every request, on any level."""
    found: set[FieldDescriptor] = set()
    seen: set[str] = set()

    def walk(message: Descriptor) -> None:
        if message.full_name in seen:
            return
        seen.add(message.full_name)
        for field in message.fields:
            found.add(field)
            if field.message_type is not None:
                walk(field.message_type)

    for service in STUBS:
        for method in descriptor_pool.Default().FindServiceByName(service).methods:
            walk(method.input_type)
    return frozenset(found)


def given(message: Any) -> Iterator[tuple[FieldDescriptor, Any]]:
    """What a message has, on any level: each field with each of its values."""
    for field, value in message.ListFields():
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            yield from ((field, it) for pair in value.items() for it in pair)
            continue
        for one in value if field.is_repeated else [value]:
            yield field, one
            if field.message_type is not None:
                yield from given(one)


class Forms:
    """A browser that stays signed in, whatever the answers say, and has the right token."""

    def __init__(self, app: Flask, browser: Any) -> None:
        self._browser = browser
        self._secret = browser.get_cookie("mekong").value
        self._token = app.extensions["gateway"].sessions.csrf_token(self._secret)

    def send(
        self, address: Address, typed: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> Any:
        """Send a form; returns the answer."""
        for name in ("mekong", "mekong-portal"):
            self._browser.set_cookie(name, self._secret)
        return self._browser.post(
            address.path,
            data={**typed, "csrf_token": self._token},
            headers=dict(headers or {}),
            buffered=True,
        )
