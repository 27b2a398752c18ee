"""Handing over what a person leaves behind, in the browser."""

from typing import Any

import pytest
from crm.accounts.v1 import user_pb2, user_service_pb2
from crm.interactions.v1 import reassignment_service_pb2 as pb2
from flask.testing import FlaskClient

from tests.unit.gateway.message_parts import refused
from tests.unit.gateway.web_parts import sent, shown


@pytest.fixture
def desk(signed_in: FlaskClient, peers: Any) -> FlaskClient:
    """A browser, and somebody who has things to do."""
    count = pb2.ReassignmentCount(follow_up_count=1200, series_count=2, occurrence_count=17)
    users = [user_pb2.User(id=it, display_name=f"{it} <b>") for it in ("u1", "u2")]
    peers.answers.update(
        ListUsers=user_service_pb2.ListUsersResponse(users=users),
        CountReassignment=count,
        ReassignFollowUps=pb2.ReassignFollowUpsResponse(given=count),
    )
    return signed_in


def test_it_counts_first(desk: Any, peers: Any) -> None:
    page = shown(desk, "/follow-ups/reassign?user_id=u2")

    assert "u2 &lt;b&gt; has 1,200 follow-ups that are open, 2 series with 17 planned" in page
    assert peers.named("CountReassignment")[0].request.user_id == "u2"
    taker = page[page.index('name="to_user_id"') :]
    assert 'value="u1"' in taker
    assert 'value="u2"' not in taker


def test_who_has_nothing_gives_nothing(desk: Any, peers: Any) -> None:
    peers.answers["CountReassignment"] = pb2.ReassignmentCount()

    page = shown(desk, "/follow-ups/reassign?user_id=u2&lang=vi")

    assert "không còn việc nào" in page
    assert 'name="to_user_id"' not in page


def test_it_is_given_in_one_act(desk: Any, peers: Any) -> None:
    answer = sent(desk, "/follow-ups/reassign", user_id="u2", to_user_id="u1", prefer_owners="yes")

    asked = peers.named("ReassignFollowUps")[0].request
    assert (asked.user_id, asked.to_user_id, asked.prefer_owners) == ("u2", "u1", True)
    assert answer.headers["Location"] == "/follow-ups/reassign?user_id=u2"


@pytest.mark.parametrize("taker", ["", "u1"])
def test_what_is_refused_is_told_at_its_input(desk: Any, peers: Any, taker: str) -> None:
    peers.answers["ReassignFollowUps"] = refused("to_user_id", "must be somebody else")

    answer = sent(desk, "/follow-ups/reassign", user_id="u2", to_user_id=taker)

    assert answer.status_code == 400
    assert 'id="to_user_id-wrong"' in answer.get_data(as_text=True)
    assert len(peers.named("ReassignFollowUps")) == bool(taker)
