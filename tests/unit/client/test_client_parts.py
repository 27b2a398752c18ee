"""Which calls are repeated, where plaintext is allowed, and what an event says."""

import json

import pytest
from crm.leads.v1 import contact_pb2, events_pb2

from mekong_client import channels, events


class TestServiceConfig:
    def test_reads_and_what_is_sent_with_a_key_are_repeated(self) -> None:
        (policy,) = json.loads(channels.service_config(channels.services("leads")))["methodConfig"]

        repeated = {(it["service"], it["method"]) for it in policy["name"]}
        assert ("crm.leads.v1.ContactService", "GetContact") in repeated
        assert ("crm.leads.v1.ContactService", "CreateContact") in repeated
        assert policy["retryPolicy"]["retryableStatusCodes"] == ["UNAVAILABLE", "CANCELLED"]

    def test_what_would_act_twice_is_not(self) -> None:
        (policy,) = json.loads(channels.service_config(channels.services("accounts")))[
            "methodConfig"
        ]

        repeated = {it["method"] for it in policy["name"]}
        assert "UpdateApiClient" in repeated
        assert not {"CreateApiClient", "RotateApiClientSecret", "SignIn"} & repeated

    def test_a_stream_of_requests_is_not_since_it_can_be_read_once(self) -> None:
        methods = [
            method
            for service in channels.services("leads")
            for method in service.methods
            if method.client_streaming
        ]

        assert methods
        assert not any(channels.takes_key(it) for it in methods)

    def test_a_service_that_is_none_is_named(self) -> None:
        with pytest.raises(LookupError, match="lead"):
            channels.services("lead")


class TestAddress:
    @pytest.mark.parametrize("address", ["127.0.0.1:1", "localhost:1", "[::1]:1", "127.8.0.1:1"])
    def test_this_machine_may_be_called_in_the_clear(self, address: str) -> None:
        assert channels.is_local(address)

    @pytest.mark.parametrize(
        "address", ["10.0.0.1:1", "crm.example.com:443", "localhost.example.com:1", "dns:///a:1"]
    )
    def test_every_other_is_called_by_tls(self, address: str) -> None:
        assert not channels.is_local(address)


class TestEvent:
    def test_it_says_what_happened_and_how_to_tell_it_from_another(self) -> None:
        data = events_pb2.ContactCreated(contact=contact_pb2.Contact(id="c1")).SerializeToString()
        headers = {"ce-id": "e1", "key": "c1", "revision": "3", "ce-time": "2026-11-23T08:00:00Z"}

        event = events.read("crm.leads.v1.ContactCreated", data, headers)

        assert (event.id, event.key, event.revision) == ("e1", "c1", 3)
        assert event.name == "crm.leads.v1.ContactCreated"
        assert event.message.contact.id == "c1"

    @pytest.mark.parametrize(
        "subject", ["crm.leads.v1.Nothing", "crm.none.v1.ContactCreated", "audit.leads", "x"]
    )
    def test_what_it_does_not_know_is_named(self, subject: str) -> None:
        with pytest.raises(LookupError, match=subject):
            events.read(subject, b"", {"ce-id": "e1"})

    def test_one_without_an_id_is_none(self) -> None:
        with pytest.raises(ValueError, match="without an id"):
            events.read("crm.leads.v1.ContactCreated", b"", None)
