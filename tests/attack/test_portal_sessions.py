"""A customer's session is worth something only to who signed in, and pages tell nobody's name."""

import re
import time
from typing import Any

import pytest
from crm.accounts.v1 import contact_login_service_pb2 as pb2
from google.protobuf import empty_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from chassis import errors

ADDRESS = "lan@example.vn"
WAYS = ("code", "password", "invitation")
_FRESH = re.compile(r'nonce="[^"]*"|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{64}')
REFUSED = errors.Unauthenticated("SIGN_IN_REFUSED", "no")


@pytest.fixture
def open_house(http: Any, peers: Any) -> Any:
    """A browser before an accounts that signs anybody in, and knows no other session."""
    ends = Timestamp(seconds=int(time.time()) + 3_600)
    made = pb2.SignInContactResponse(session_secret="made-by-accounts", expire_time=ends)
    peers.answers.update(
        RequestContactCode=empty_pb2.Empty(),
        SignInContact=made,
        AcceptInvitation=made,
        DescribeContactInvitation=pb2.DescribeContactInvitationResponse(address=ADDRESS),
        SignOutContact=empty_pb2.Empty(),
        ExchangeContactSession=REFUSED,
        ExchangeSession=REFUSED,
    )
    return http


def sign_in(browser: Any, way: str) -> Any:
    """Sign in by one of the ways; returns the last answer."""
    if way == "invitation":
        return browser.post("/portal/welcome/of-a-message", data={})
    form = {"address": ADDRESS, "how": way, "password": "a long password"}
    answer = browser.post("/portal/sign-in", data=form)
    return (
        browser.post("/portal/sign-in/code", data={"code": "123456"}) if way == "code" else answer
    )


class TestFixation:
    @pytest.mark.parametrize("way", WAYS)
    def test_a_secret_that_somebody_planted_is_not_the_one_that_is_signed_in(
        self, open_house: Any, peers: Any, way: str
    ) -> None:
        open_house.set_cookie("mekong-portal", "planted")

        answer = sign_in(open_house, way)

        assert answer.status_code == 303
        assert open_house.get_cookie("mekong-portal").value == "made-by-accounts"
        signing = ("RequestContactCode", "SignInContact", "AcceptInvitation")
        asked = [it for it in peers.calls if it.method in signing]
        assert asked
        assert "planted" not in "".join(str(it.request) for it in asked)

    @pytest.mark.parametrize("way", WAYS)
    def test_who_fails_is_not_signed_in_by_it_either(
        self, open_house: Any, peers: Any, way: str
    ) -> None:
        gone = errors.NotFound("INVITATION_INVALID", "it was used")
        peers.answers.update(SignInContact=REFUSED, AcceptInvitation=gone)
        open_house.set_cookie("mekong-portal", "planted")

        sign_in(open_house, way)
        answer = open_house.get("/portal/profile")

        assert answer.status_code == 303
        assert answer.headers["Location"].startswith("/portal/sign-in")

    def test_nor_does_one_in_the_address_count(self, open_house: Any, peers: Any) -> None:
        answer = open_house.get(
            "/portal/profile?mekong-portal=planted&session=planted", headers={"X-Session": "x"}
        )

        assert answer.headers["Location"].startswith("/portal/sign-in")
        assert peers.calls == []

    def test_a_secret_of_staff_is_none_of_a_customer_nor_the_other_way_round(
        self, open_house: Any, peers: Any
    ) -> None:
        open_house.set_cookie("mekong-portal", "of-a-colleague")
        answer = open_house.get("/portal/profile")
        assert answer.headers["Location"].startswith("/portal/sign-in")
        assert {it.method for it in peers.calls} == {"ExchangeContactSession"}

        peers.calls.clear()
        open_house.delete_cookie("mekong-portal")
        open_house.set_cookie("mekong", "of-a-customer")
        answer = open_house.get("/contacts")
        assert answer.headers["Location"].startswith("/sign-in")
        assert {it.method for it in peers.calls} == {"ExchangeSession"}

    def test_the_token_of_forms_is_that_of_the_session_before_no_more(
        self, gateway: Any, open_house: Any
    ) -> None:
        sessions = gateway.extensions["gateway"].contact_sessions

        assert sessions.csrf_token("planted") != sessions.csrf_token("made-by-accounts")


class TestEnumeration:
    @pytest.mark.parametrize("way", ["code", "password"])
    def test_a_page_says_the_same_whoever_it_is(
        self, open_house: Any, peers: Any, way: str
    ) -> None:
        pages = set()
        for reason in ("unknown", "wrong", "disabled"):
            peers.answers["SignInContact"] = errors.Unauthenticated("SIGN_IN_REFUSED", reason)
            answer = sign_in(open_house, way)
            page = answer.get_data(as_text=True)
            assert answer.status_code == 401
            assert reason not in page
            pages.add(_plain(page))

        assert len(pages) == 1

    def test_asking_for_a_code_leads_everybody_to_the_same_page(
        self, open_house: Any, peers: Any
    ) -> None:
        told = set()
        for address in (ADDRESS, "nobody@example.vn"):
            answer = open_house.post("/portal/sign-in", data={"address": address, "how": "code"})
            page = open_house.get("/portal/sign-in/code").get_data(as_text=True)
            told.add((answer.status_code, answer.headers["Location"], _plain(page, address)))

        assert len(told) == 1


def _plain(page: str, address: str = ADDRESS) -> str:
    """A page without what is made anew for each, and without the address that was typed."""
    return _FRESH.sub("", page).replace(address, "")
