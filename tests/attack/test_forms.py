"""Forms set nothing that they have no input for, and come back with text as text."""

from typing import Any

import pytest
from flask import Flask
from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pb2 import MethodOptions

from chassis import errors
from chassis.errors import FieldViolation
from services.gateway.api import comments
from services.gateway.stubs import STUBS
from tests.attack import forms
from tests.attack.addresses import ID
from tests.attack.forms import Forms
from tests.attack.harm import harm
from tests.attack.stuffed import PAYLOAD

MARK = "slipped-in-7f3a"
# Whose something is, which a customer's form never says.
WHOSE = {
    *("contact_id", "contact_ids", "customer_id", "login_id", "user_id", "owner_ids", "team_id"),
    *("assignee_ids", "creator_id", "role_id"),
}
# What would make somebody more than they are.
MORE = {"is_admin": "1", "rights": "*.*", "role": "admin", "password_hash": MARK, "kind": MARK}


def shut() -> set[str]:
    """The names of fields that are for answers alone, in some request."""
    return {it.name for it in forms.fields() if comments.output_only(it)}


class TestEveryForm:
    def test_there_are_many(self, gateway: Flask) -> None:
        assert len(forms.taking(gateway)) > 100
        assert len(forms.inputs()) > 100
        assert len(shut()) > 50

    @pytest.mark.timeout(300)
    def test_what_is_for_answers_alone_is_not_set(
        self, gateway: Flask, signed_in: Any, willing: Any
    ) -> None:
        browser, wrong = Forms(gateway, signed_in), []
        typed = {**MORE, **dict.fromkeys(shut() | WHOSE, MARK), "request_id": ID}
        prefixed = {f"{prefix}{name}": MARK for name in shut() for prefix in ("contact.", "user.")}

        for address in forms.taking(gateway):
            willing.calls.clear()
            answer = browser.send(address, {**prefixed, **typed})
            assert answer.status_code < 500, address
            for call in willing.calls:
                for field, value in forms.given(call.request):
                    slipped = isinstance(value, str) and value == MARK
                    anothers = address.endpoint.startswith("my.") and field.name in WHOSE
                    if slipped and (comments.output_only(field) or anothers):
                        wrong.append(f"{address}: {call.method} {field.full_name}")

        assert wrong == []

    @pytest.mark.timeout(300)
    def test_what_was_typed_comes_back_as_text(
        self, gateway: Flask, harmful: Any, peers: Any
    ) -> None:
        violations = [FieldViolation(it, PAYLOAD) for it in ("name", "title", "text", "address")]
        refusal = errors.InvalidArgument("FIELDS_INVALID", PAYLOAD, violations=violations)
        for service in STUBS:
            for method in descriptor_pool.Default().FindServiceByName(service).methods:
                level = method.GetOptions().idempotency_level
                if level != MethodOptions.NO_SIDE_EFFECTS and "Exchange" not in method.name:
                    peers.answers[method.name] = refusal
        browser, typed = Forms(gateway, harmful), dict.fromkeys(forms.inputs(), PAYLOAD)
        run, shown = {}, 0

        for address in forms.taking(gateway):
            answer = browser.send(address, typed)
            if "text/html" in answer.content_type:
                page = answer.get_data(as_text=True)
                shown += answer.status_code in (400, 409, 422) and "&lt;svg onload" in page
                if harm(page):
                    run[str(address)] = harm(page)[:3]
            assert answer.status_code < 500, address

        assert run == {}
        assert shown > 30  # forms that came back with something of it
