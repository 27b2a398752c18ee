"""Unsubscribing: links only show, posts act, and machines need neither cookie nor redirect."""

from typing import Any

import pytest
from crm.notifier.v1 import message_pb2, suppression_pb2, suppression_service_pb2

from chassis import errors


@pytest.fixture
def notifier(peers: Any) -> Any:
    peers.answers["DescribeUnsubscribe"] = suppression_service_pb2.DescribeUnsubscribeResponse(
        masked_address="l***@example.vn",
        channel=message_pb2.CHANNEL_EMAIL,
        purpose=message_pb2.PURPOSE_MARKETING,
        advertiser_name="Công ty <Mekong>",
    )
    peers.answers["Unsubscribe"] = suppression_pb2.Suppression(id="s1")
    return peers


class TestLink:
    @pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
    def test_opening_it_changes_nothing(self, http: Any, notifier: Any, method: str) -> None:
        answer = http.open("/u/token-1", method=method)

        assert answer.status_code == 200
        assert notifier.named("Unsubscribe") == []

    def test_it_shows_whose_messages_and_which_would_end(self, http: Any, notifier: Any) -> None:
        page = http.get("/u/token-1").get_data(as_text=True)

        assert '<html lang="vi">' in page
        assert "l***@example.vn" in page
        assert "tin quảng cáo" in page
        assert "Công ty &lt;Mekong&gt;" in page
        assert notifier.last.request.token == "token-1"

    def test_it_speaks_english_to_who_asks_for_it(self, http: Any, notifier: Any) -> None:
        by_header = http.get("/u/t", headers={"Accept-Language": "en-GB"}).get_data(as_text=True)
        by_link = http.get("/u/t?lang=en").get_data(as_text=True)

        assert "will no longer get advertising" in by_header
        assert "will no longer get advertising" in by_link

    def test_a_link_that_is_none_of_ours_says_so(self, http: Any, notifier: Any) -> None:
        notifier.answers["DescribeUnsubscribe"] = errors.InvalidArgument(
            "UNSUBSCRIBE_TOKEN_INVALID", "not one of ours"
        )

        answer = http.get("/u/nonsense")

        assert answer.status_code == 404
        assert "Liên kết này không hợp lệ" in answer.get_data(as_text=True)

    def test_it_may_not_be_kept_framed_or_indexed(self, http: Any, notifier: Any) -> None:
        answer = http.get("/u/t")

        assert answer.headers["Cache-Control"] == "no-store"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert "noindex" in answer.get_data(as_text=True)


class TestOneClick:
    def test_a_post_acts_without_cookie_sign_in_or_redirect(self, http: Any, notifier: Any) -> None:
        answer = http.post("/u/token-1", data={"List-Unsubscribe": "One-Click"})

        assert answer.status_code == 200
        assert "Location" not in answer.headers
        assert "Set-Cookie" not in answer.headers
        request = notifier.named("Unsubscribe")[0].request
        assert (request.token, request.all) == ("token-1", False)

    def test_a_multipart_post_acts_too(self, http: Any, notifier: Any) -> None:
        answer = http.post(
            "/u/token-1",
            data={"List-Unsubscribe": "One-Click"},
            content_type="multipart/form-data",
        )

        assert answer.status_code == 200
        assert len(notifier.named("Unsubscribe")) == 1

    def test_another_post_is_refused(self, http: Any, notifier: Any) -> None:
        answer = http.post("/u/token-1", data={"x": "y"})

        assert answer.status_code == 400
        assert notifier.named("Unsubscribe") == []

    def test_the_answer_waits_for_the_notifier(self, http: Any, notifier: Any) -> None:
        notifier.answers["Unsubscribe"] = errors.Unavailable("X", "restarting")

        answer = http.post("/u/token-1", data={"List-Unsubscribe": "One-Click"})

        assert answer.status_code == 503
        assert answer.headers["Retry-After"]


class TestButton:
    def test_it_ends_the_messages_and_says_so_on_the_same_page(
        self, http: Any, notifier: Any
    ) -> None:
        answer = http.post("/u/token-1", data={"confirm": "1"})

        assert answer.status_code == 200
        assert "Đã từ chối nhận tin" in answer.get_data(as_text=True)
        assert not notifier.named("Unsubscribe")[0].request.all

    def test_everything_can_be_ended_at_once(self, http: Any, notifier: Any) -> None:
        http.post("/u/token-1", data={"confirm": "1", "all": "1"})

        assert notifier.named("Unsubscribe")[0].request.all

    def test_visits_are_bounded(self, make_gateway: Any, notifier: Any) -> None:
        http = make_gateway(public_per_minute=2).test_client()

        codes = [http.get("/u/t").status_code for _ in range(3)]

        assert codes == [200, 200, 429]
