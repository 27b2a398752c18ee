"""Calendar feeds by their secret address, and invitations as files."""

from datetime import UTC, datetime
from typing import Any

import pytest
from crm.interactions.v1 import calendar_service_pb2, feed_service_pb2

from chassis import errors

TOKEN = "k" * 43
ICS = "BEGIN:VCALENDAR\r\nX-WR-CALNAME:Điện thoại\r\nEND:VCALENDAR\r\n".encode()


@pytest.fixture
def interactions(peers: Any) -> Any:
    """Has one feed; answers as interactions does to who has its contents already."""
    changed = datetime(2026, 5, 1, 5, 6, 7, tzinfo=UTC)

    def read(request: Any, _: Any) -> Any:
        if request.token != TOKEN:
            return errors.NotFound("RESOURCE_MISSING", "no such feed")
        made = feed_service_pb2.ReadFeedResponse(etag="abc")
        made.change_time.FromDatetime(changed)
        if "abc" not in request.known_etags:
            made.ics = ICS
        return made

    peers.answers["ReadFeed"] = read
    return peers


class TestFeed:
    def test_a_program_reads_it_without_signing_in(self, http: Any, interactions: Any) -> None:
        answer = http.get(f"/calendar/{TOKEN}.ics")

        assert (answer.status_code, answer.data) == (200, ICS)
        assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
        assert answer.headers["Cache-Control"] == "private, no-cache"
        assert answer.headers["ETag"] == '"abc"'
        assert answer.headers["Last-Modified"] == "Fri, 01 May 2026 05:06:07 GMT"
        assert "Set-Cookie" not in answer.headers
        assert interactions.last.metadata["authorization"].startswith("Bearer own-")

    @pytest.mark.parametrize(
        "headers",
        [
            {"If-None-Match": '"abc"'},
            {"If-None-Match": '"old", W/"abc"'},
            {"If-Modified-Since": "Fri, 01 May 2026 05:06:07 GMT"},
            {"If-Modified-Since": "Sat, 02 May 2026 05:06:07 GMT"},
        ],
        ids=str,
    )
    def test_who_has_it_is_told_so(self, http: Any, interactions: Any, headers: Any) -> None:
        answer = http.get(f"/calendar/{TOKEN}.ics", headers=headers)

        assert (answer.status_code, answer.data) == (304, b"")
        assert answer.headers["ETag"] == '"abc"'

    @pytest.mark.parametrize(
        "headers",
        [
            {"If-None-Match": '"old"'},
            {"If-None-Match": '"old"', "If-Modified-Since": "Sat, 02 May 2026 05:06:07 GMT"},
            {"If-Modified-Since": "Fri, 01 May 2026 05:06:06 GMT"},
            {"If-Modified-Since": "nonsense"},
        ],
        ids=str,
    )
    def test_who_has_another_gets_it(self, http: Any, interactions: Any, headers: Any) -> None:
        answer = http.get(f"/calendar/{TOKEN}.ics", headers=headers)

        assert (answer.status_code, answer.data) == (200, ICS)

    @pytest.mark.parametrize("token", ["x", "k" * 3_000, "%00", "../../x"])
    def test_an_address_that_is_none_is_not_found(
        self, http: Any, interactions: Any, token: str
    ) -> None:
        answer = http.get(f"/calendar/{token}.ics")

        assert answer.status_code == 404
        assert "/sign-in" not in answer.get_data(as_text=True)

    def test_it_changes_nothing_by_other_methods(self, http: Any, interactions: Any) -> None:
        assert http.post(f"/calendar/{TOKEN}.ics").status_code == 405
        assert http.head(f"/calendar/{TOKEN}.ics").data == b""

    def test_while_interactions_is_away_it_says_so(self, http: Any, interactions: Any) -> None:
        interactions.answers["ReadFeed"] = errors.Unavailable("PEER_UNAVAILABLE", "away")

        answer = http.get(f"/calendar/{TOKEN}.ics")

        assert answer.status_code == 503
        assert answer.headers["Retry-After"]

    def test_readings_are_bounded(self, make_gateway: Any, interactions: Any) -> None:
        http = make_gateway(public_per_minute=2).test_client()

        codes = [http.get(f"/calendar/{TOKEN}.ics").status_code for _ in range(3)]

        assert codes == [200, 200, 429]


class TestInvitation:
    def test_it_is_a_file_to_open(self, program: Any, peers: Any) -> None:
        peers.answers["GetInvitation"] = calendar_service_pb2.Invitation(
            ics="BEGIN:VCALENDAR\r\n", method="REQUEST"
        )

        answer = program("GET", "/follow-ups/1/invitation.ics?organizer_email=a@b.vn")

        assert answer.data == b"BEGIN:VCALENDAR\r\n"
        assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8; method=REQUEST"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="invitation.ics"'
        request = peers.last.request
        assert (request.id, request.organizer_email) == ("1", "a@b.vn")

    def test_what_is_refused_is_a_problem(self, program: Any, peers: Any) -> None:
        peers.answers["GetInvitation"] = errors.FailedPrecondition("STATE_FORBIDS", "a call")

        answer = program("GET", "/follow-ups/1/invitation.ics?organizer_email=a@b.vn")

        assert answer.status_code == 409
        assert answer.json["reason"] == "STATE_FORBIDS"
