"""A customer takes along what is kept of them, asks that it be erased, and writes no faster."""

import json
from contextlib import ExitStack
from typing import Any

import pytest
from crm.accounts.v1 import portal_service_pb2 as login_pb2
from crm.interactions.v1 import portal_service_pb2 as pb2
from crm.leads.v1 import portal_service_pb2
from flask.testing import FlaskClient

from chassis import errors
from services.gateway import files
from services.gateway.portal import pages
from tests.unit.gateway.portal_parts import ID, sent, shown

AWAY = errors.Unavailable("PEER_UNAVAILABLE", "away", peer="accounts")


class TestMyData:
    def test_all_services_lines_make_one_list(self, portal: FlaskClient, peers: Any) -> None:
        first = portal_service_pb2.ExportMyDataResponse(lines=b'{"what": "profile"}\n')
        login = login_pb2.MyLogin(address="+84912345678")
        browser = login_pb2.MySession(user_agent="Firefox")
        peers.answers["ExportMyLogin"] = login_pb2.ExportMyLoginResponse(
            login=login, sessions=[browser]
        )
        parts: dict[str, list[Any]] = {
            "leads": [first],
            "interactions": [pb2.ExportMyDataResponse(lines=b'{"what": 1}\n{"what": 2}\n')],
        }
        peers.answers["ExportMyData"] = lambda asked, _: iter(
            parts[asked.DESCRIPTOR.full_name.split(".")[1]]
        )

        with sent(portal, "/portal/my-data") as answer:
            taken = json.loads(answer.get_data())

        assert [it["what"] for it in taken] == ["login", "session", "profile", 1, 2]
        assert (taken[0]["address"], taken[1]["user_agent"]) == ("+84912345678", "Firefox")
        assert answer.headers["Content-Disposition"] == 'attachment; filename="my-data.json"'
        assert {call.seconds_left > 60 for call in peers.named("ExportMyData")} == {True}

    def test_while_a_part_is_away_nothing_is_taken(self, portal: FlaskClient, peers: Any) -> None:
        peers.answers["ExportMyLogin"] = AWAY

        assert sent(portal, "/portal/my-data").status_code == 503

    def test_each_customer_has_one_at_a_time(self, portal: FlaskClient, peers: Any) -> None:
        peers.answers["ExportMyLogin"] = login_pb2.ExportMyLoginResponse()
        peers.answers["ExportMyData"] = lambda *_: iter(())

        first = sent(portal, "/portal/my-data")
        asked = len(peers.named("ExportMyData"))
        second = sent(portal, "/portal/my-data")
        first.close()
        third = sent(portal, "/portal/my-data")
        third.close()

        assert [it.status_code for it in (first, second, third)] == [200, 429, 200]
        assert asked == 2
        assert len(peers.named("ExportMyData")) == 4

    def test_staff_get_theirs_however_many_customers_have(
        self, portal: FlaskClient, gateway: Any, peers: Any
    ) -> None:
        parts = gateway.extensions["gateway"]
        with ExitStack() as being_sent:
            for number in range(files.MOST_TO_CUSTOMERS):
                being_sent.enter_context(
                    parts.files_of_customers.stream(
                        iter([b"x"]), "text/plain", "a", whose=f"{number}"
                    )
                )

            assert sent(portal, "/portal/my-data").status_code == 429
            with parts.files.answer(iter([[["x"]]]), ["x"], "a.csv") as answer:
                assert answer.status_code == 200

    def test_a_get_takes_nothing(self, portal: FlaskClient, peers: Any) -> None:
        shown(portal, "/portal/my-data")

        assert not peers.named("ExportMyData")

    def test_erasure_is_asked_by_who_is_sure(self, portal: FlaskClient, peers: Any) -> None:
        unsure = sent(portal, "/portal/erase", text="xin xóa")
        assert unsure.status_code == 400
        assert "xin xóa</textarea>" in unsure.get_data(as_text=True)
        assert not peers.named("AskForErasure")

        answer = sent(portal, "/portal/erase", text="xin xóa", sure="yes")

        assert answer.headers["Location"] == f"/portal/requests/{ID}"
        assert peers.named("AskForErasure")[-1].request.text == "xin xóa"


class TestPace:
    def test_nobody_writes_faster_than_people_read(
        self, make_gateway: Any, portal: FlaskClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pages, "WRITES_PER_MINUTE", 2)
        browser = make_gateway().test_client()

        answers = [sent(browser, "/portal/requests", subject="x", text="y") for _ in range(3)]

        assert [it.status_code for it in answers] == [303, 303, 429]
        assert shown(browser, "/portal/requests")
