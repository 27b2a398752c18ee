"""Addresses that failed, on the pages of contacts."""

from typing import Any

from crm.leads.v1 import contact_pb2
from flask.testing import FlaskClient

from chassis import errors
from tests.unit.gateway.page_parts import ID, csrf_token
from tests.unit.gateway.page_parts import signed_in as signed_in


class TestFailedAddresses:
    def test_they_are_shown_with_the_way_back(self, signed_in: FlaskClient, peers: Any) -> None:
        peers.answers["GetContact"] = contact_pb2.Contact(
            id=ID,
            display_name="Đào",
            emails=[
                contact_pb2.Email(address="dead@a.example"),
                contact_pb2.Email(address="an@a.example", valid=True),
            ],
        )

        page = signed_in.get(f"/contacts/{ID}").get_data(as_text=True)

        assert page.count("Messages do not arrive here") == 1
        assert 'name="address" value="dead@a.example"' in page
        assert 'name="address" value="an@a.example"' not in page

    def test_one_is_confirmed(self, signed_in: FlaskClient, peers: Any) -> None:
        peers.answers["ConfirmAddress"] = contact_pb2.Contact(id=ID)
        token = csrf_token(signed_in, f"/contacts/{ID}")
        sent = {"csrf_token": token, "address": "dead@a.example", "etag": "7"}

        answer = signed_in.post(f"/contacts/{ID}/addresses/confirm", data=sent)

        assert answer.status_code == 303
        (asked,) = peers.named("ConfirmAddress")
        assert (asked.request.id, asked.request.address, asked.request.etag) == (
            ID,
            "dead@a.example",
            "7",
        )

    def test_what_is_refused_is_told(self, signed_in: FlaskClient, peers: Any) -> None:
        peers.answers["ConfirmAddress"] = errors.Aborted("ETAG_STALE", "changed")
        token = csrf_token(signed_in, f"/contacts/{ID}")

        answer = signed_in.post(f"/contacts/{ID}/addresses/confirm", data={"csrf_token": token})

        assert answer.status_code == 412
