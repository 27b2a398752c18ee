"""Settings that only make sense together."""

import base64
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import pydantic
import pytest

from services.accounts.config import Settings

GIVEN: dict[str, Any] = {
    "seal_key": "seal",
    "database_url": "postgresql://nowhere",
    "nats_url": "nats://nowhere",
    "issuer_url": "http://nowhere",
    "key_encryption_key": base64.b64encode(bytes(32)).decode(),
    "service_clients_file": Path("nowhere"),
}
MAILING = {
    "staff_sender_identity_id": uuid4(),
    "notifier_address": "notifier:8080",
    "public_url": "https://crm.example.com",
}


class TestMailingStaff:
    def test_a_house_may_do_without_or_with_all_of_it(self) -> None:
        Settings(**GIVEN)
        Settings(**GIVEN, **MAILING)

    @pytest.mark.parametrize("missing", ["notifier_address", "public_url"])
    def test_a_sender_that_could_not_send_is_refused_at_the_start(self, missing: str) -> None:
        given = {name: value for name, value in MAILING.items() if name != missing}

        with pytest.raises(pydantic.ValidationError, match="needs notifier_address and public_url"):
            Settings(**GIVEN, **given)


PROVIDER = {
    "oidc_issuer": "https://id.example",
    "oidc_client_id": "mekong",
    "oidc_client_secret": "secret",
    "public_url": "https://crm.example.com",
}


class TestProvider:
    def test_a_house_may_do_without_or_with_all_of_it(self) -> None:
        Settings(**GIVEN)
        Settings(**GIVEN, **PROVIDER)
        Settings(**GIVEN, **{**PROVIDER, "oidc_issuer": "http://127.0.0.1:4000"})

    @pytest.mark.parametrize("missing", ["oidc_client_id", "oidc_client_secret", "public_url"])
    def test_one_that_could_not_work_is_refused_at_the_start(self, missing: str) -> None:
        given = {name: value for name, value in PROVIDER.items() if name != missing}

        with pytest.raises(pydantic.ValidationError, match=f"oidc_issuer needs .*{missing}"):
            Settings(**GIVEN, **given)

    @pytest.mark.parametrize("issuer", ["http://id.example", "id.example", "https://", "ftp://x"])
    def test_one_that_others_could_listen_to_is_refused(self, issuer: str) -> None:
        with pytest.raises(pydantic.ValidationError, match="must begin with https"):
            Settings(**GIVEN, **{**PROVIDER, "oidc_issuer": issuer})


class TestWritingToCustomers:
    REACHED: Mapping[str, Any] = MappingProxyType(
        {
            "contact_sms_identity_id": uuid4(),
            "notifier_address": "notifier:8080",
            "leads_address": "leads:8080",
            "portal_url": "https://khach.example.com",
        }
    )

    def test_a_house_may_do_so_by_one_channel(self) -> None:
        Settings(**GIVEN, **self.REACHED)

    def test_the_portal_is_where_the_gateway_is_unless_told(self) -> None:
        given = {**self.REACHED, "portal_url": "", "public_url": "https://crm.example.com"}

        Settings(**GIVEN, **given)

    @pytest.mark.parametrize("missing", ["notifier_address", "leads_address", "portal_url"])
    def test_a_sender_that_could_not_send_is_refused_at_the_start(self, missing: str) -> None:
        given = {name: value for name, value in self.REACHED.items() if name != missing}

        with pytest.raises(pydantic.ValidationError, match="need notifier_address, leads_address"):
            Settings(**GIVEN, **given)
