"""What became of a follow-up's messages in the browser."""

import re
from typing import Any

import pytest
from crm.interactions.v1 import (
    follow_up_service_pb2,
)
from crm.leads.v1 import contact_service_pb2
from flask.testing import FlaskClient

from chassis import errors
from services.gateway.web import follow_up_progress
from services.interactions.domain import deliveries as domain
from tests.unit.gateway.delivery_parts import (
    PAGE,
    SEGMENT,
    D,
    F,
    delivery,
    follow_up,
    while_sending,
)
from tests.unit.gateway.web_parts import AWAY, ID, PARTIAL, RUN, shown


@pytest.fixture
def http_(signed_in: FlaskClient, peers: Any) -> FlaskClient:
    """A browser and a follow-up that is being sent."""
    return while_sending(signed_in, peers)


def listed(peers: Any, *rows: Any, token: str = "") -> None:
    peers.answers["ListFollowUpDeliveries"] = follow_up_service_pb2.ListFollowUpDeliveriesResponse(
        deliveries=rows, next_page_token=token
    )


class TestThePage:
    def test_each_figure_opens_its_rows_and_the_message_is_shown(self, http_: FlaskClient) -> None:
        page = shown(http_, PAGE)

        for name in domain.COUNTS:
            assert f'href="{PAGE}/deliveries?state={name}"' in page, name
        for part in ("1,200", "MEKONG", "Sông Hồng", "Customer care", "Chào &lt;b&gt;"):
            assert part in page, part
        assert "Send however late" in page
        assert 'href="/doubts"' in page
        assert f"{PAGE}/complete" not in page  # it completes itself
        assert f"{PAGE}/cancel" in page

    def test_the_figures_are_those_of_the_service(self) -> None:
        assert set(follow_up_progress.STATES) == set(domain.COUNTS)
        in_counts = [it for states in follow_up_progress.STATES.values() for it in states]
        assert sorted(in_counts) == [it.number for it in D.DeliveryState.DESCRIPTOR.values][1:]

    @pytest.mark.parametrize(
        ("status", "progress", "every"),
        [
            (F.FOLLOW_UP_STATUS_OPEN, {"waiting": 1}, "2s"),
            (F.FOLLOW_UP_STATUS_OPEN, {"handed_over": 1}, "2s"),
            (F.FOLLOW_UP_STATUS_SCHEDULED, {"waiting": 3}, "30s"),
            (F.FOLLOW_UP_STATUS_CANCELLED, {"handed_over": 1, "skipped": 2}, "2s"),
            (F.FOLLOW_UP_STATUS_COMPLETED, {"sent": 3}, None),
            (F.FOLLOW_UP_STATUS_COMPLETED, {"in_doubt": 3}, None),
        ],
    )
    def test_it_asks_again_while_something_waits(
        self, http_: FlaskClient, peers: Any, status: Any, progress: Any, every: str | None
    ) -> None:
        now = follow_up(status=status, progress=F.FollowUpProgress(**progress))
        peers.answers["GetFollowUp"] = now

        page = shown(http_, PAGE)

        assert re.findall(r'hx-trigger="every (\w+)"', page) == ([every] if every else [])

    def test_the_part_is_figures_alone_and_loads_the_page_again_at_the_end(
        self, http_: FlaskClient, peers: Any
    ) -> None:
        part = shown(http_, f"{PAGE}/progress", headers=PARTIAL)
        assert "<html" not in part
        assert 'id="figures"' in part

        done = follow_up(status=F.FOLLOW_UP_STATUS_COMPLETED, progress=F.FollowUpProgress(sent=3))
        peers.answers["GetFollowUp"] = done
        answer = http_.get(f"{PAGE}/progress", headers=PARTIAL)

        assert (answer.status_code, answer.headers["HX-Refresh"]) == (204, "true")
        assert 'id="figures"' in shown(http_, f"{PAGE}/progress")

    def test_one_to_a_segment_says_when_people_are_looked_up(
        self, http_: FlaskClient, peers: Any
    ) -> None:
        waiting = {"segment_id": SEGMENT, "contact_ids": [], "contact_count": 0}
        scheduled = F.FOLLOW_UP_STATUS_SCHEDULED
        peers.answers["GetFollowUp"] = follow_up(
            **waiting, status=scheduled, progress=F.FollowUpProgress()
        )

        page = shown(http_, PAGE)

        assert "Segment Khách cũ" in page
        assert "looked up when the time comes" in page
        assert 'hx-trigger="every 30s"' in page

        completed = F.FOLLOW_UP_STATUS_COMPLETED
        peers.answers["GetFollowUp"] = follow_up(
            **waiting, status=completed, progress=F.FollowUpProgress()
        )
        assert "Nobody was in the segment" in shown(http_, PAGE)

    def test_its_own_outcome_is_told_by_the_figures_alone(
        self, http_: FlaskClient, peers: Any
    ) -> None:
        counts = {"sent": 2, "skipped": 1, "failed": 0, "in_doubt": 0}
        own = domain.outcome(counts)
        done = {"status": F.FOLLOW_UP_STATUS_COMPLETED, "progress": F.FollowUpProgress(**counts)}
        peers.answers["GetFollowUp"] = follow_up(**done, outcome=own)
        assert own not in shown(http_, PAGE)

        peers.answers["GetFollowUp"] = follow_up(**done, outcome="Gọi thay")
        assert "Gọi thay" in shown(http_, PAGE)

    def test_of_many_contacts_some_are_named_and_the_rest_counted(
        self, http_: FlaskClient, peers: Any
    ) -> None:
        many = [f"0192f3a0-0000-7000-8000-{at:012x}" for at in range(1000)]
        peers.answers["GetFollowUp"] = follow_up(contact_ids=many, contact_count=1000)

        page = shown(http_, PAGE)

        assert "and 990 more" in page
        assert len(peers.named("BatchGetContacts")[0].request.ids) == 10

    def test_one_without_contact_or_message_is_shown(self, http_: FlaskClient, peers: Any) -> None:
        peers.answers["GetFollowUp"] = follow_up(
            message=None, progress=None, contact_ids=[], contact_count=0
        )

        page = shown(http_, PAGE)

        assert 'id="figures"' not in page
        assert f"{PAGE}/complete" in page

    @pytest.mark.parametrize("path", [PAGE, f"{PAGE}/progress", f"{PAGE}/deliveries"])
    @pytest.mark.parametrize(
        ("failure", "status"),
        [
            (AWAY, 503),
            (errors.PermissionDenied("RIGHT_MISSING", "no"), 403),
            (errors.NotFound("RESOURCE_MISSING", "no"), 404),
        ],
    )
    def test_a_refusal_is_a_page(
        self, http_: FlaskClient, peers: Any, path: str, failure: Any, status: int
    ) -> None:
        peers.answers["GetFollowUp"] = failure

        shown(http_, path, status)


class TestTheRows:
    def test_each_has_state_reason_and_rule_in_the_readers_words(
        self, http_: FlaskClient, peers: Any
    ) -> None:
        listed(
            peers,
            delivery("WAITING"),
            delivery("DELIVERED", message_id=RUN),
            delivery("SKIPPED", reason="OUTSIDE_HOURS", rule="vn.sms.hours", message_id=RUN),
            delivery("SKIPPED", reason="TOO_LATE"),
            delivery("IN_DOUBT", reason="ANSWER_LOST", message_id=RUN),
            delivery("FAILED", reason="<NEW>"),
        )

        page = shown(http_, f"{PAGE}/deliveries?lang=vi")

        for part in (
            "Đang chờ</span>",
            "Đã nhận</span>",
            "Ngoài khung giờ cho phép",
            "<code>vn.sms.hours</code>",
            "Trễ hơn mức cho phép gửi",
            "Chưa rõ kết quả</span>",
            "Mất trả lời của nhà cung cấp",
            "&lt;NEW&gt;",
            "Đào</a>",
        ):
            assert part in page, part

    @pytest.mark.parametrize("language", ["vi", "en"])
    @pytest.mark.parametrize("reason", [it for it in domain.Reason if it])
    def test_every_reason_of_ours_has_words(
        self, http_: FlaskClient, peers: Any, reason: str, language: str
    ) -> None:
        listed(peers, delivery("SKIPPED", reason=reason))

        page = shown(http_, f"{PAGE}/deliveries?lang={language}")

        assert f">{reason}<" not in page

    @pytest.mark.parametrize(
        ("state", "asked_for"),
        [
            ("sent", [D.DELIVERY_STATE_SENT, D.DELIVERY_STATE_DELIVERED]),
            ("in_doubt", [D.DELIVERY_STATE_IN_DOUBT]),
            ("", []),
            ("none-such", []),
        ],
    )
    def test_rows_are_those_of_the_figure(
        self, http_: FlaskClient, peers: Any, state: str, asked_for: Any
    ) -> None:
        page = shown(http_, f"{PAGE}/deliveries?state={state}&page=more")

        (asked,) = (it.request for it in peers.named("ListFollowUpDeliveries"))
        assert (asked.follow_up_id, list(asked.states), asked.page_token) == (ID, asked_for, "more")
        assert (f'<option value="{state}" selected>' in page) is bool(asked_for)

    def test_the_next_page_is_rows_alone_and_keeps_the_filter(
        self, http_: FlaskClient, peers: Any
    ) -> None:
        listed(peers, delivery("SENT"), token="t2")

        rows = shown(http_, f"{PAGE}/deliveries?state=sent", headers=PARTIAL)

        assert "<html" not in rows
        assert f"{PAGE}/deliveries?state=sent&amp;page=t2" in rows

    def test_nobody_is_told_to_be_so(self, http_: FlaskClient) -> None:
        assert "Nobody is in this state" in shown(http_, f"{PAGE}/deliveries?state=failed")

    @pytest.mark.parametrize(
        ("kind", "address"),
        [(F.FOLLOW_UP_TYPE_SMS, "+84912345678"), (F.FOLLOW_UP_TYPE_EMAIL, "dao@example.vn")],
    )
    def test_the_address_of_what_was_handed_over_can_be_looked_up(
        self, http_: FlaskClient, peers: Any, kind: Any, address: str
    ) -> None:
        peers.answers["GetFollowUp"] = follow_up(type=kind)
        listed(peers, delivery("SENT", message_id=RUN), delivery("WAITING"))

        page = shown(http_, f"{PAGE}/deliveries")

        assert page.count('action="/support"') == 1
        assert f'name="address" value="{address}"' in page
        assert not re.search(r'(?:href|action|hx-\w+)="[^"]*(?:912|dao@)', page)

    def test_of_a_contact_that_is_gone_nothing_can_be_looked_up(
        self, http_: FlaskClient, peers: Any
    ) -> None:
        peers.answers["BatchGetContacts"] = contact_service_pb2.BatchGetContactsResponse()
        listed(peers, delivery("SENT", message_id=RUN))

        page = shown(http_, f"{PAGE}/deliveries")

        assert 'action="/support"' not in page

    @pytest.mark.parametrize(
        ("failure", "status"),
        [(AWAY, 503), (errors.InvalidArgument("PAGE_TOKEN_INVALID", "no"), 400)],
    )
    def test_a_refusal_is_a_page(
        self, http_: FlaskClient, peers: Any, failure: Any, status: int
    ) -> None:
        peers.answers["ListFollowUpDeliveries"] = failure

        shown(http_, f"{PAGE}/deliveries", status)

    def test_while_leads_is_away_rows_are_shown_without_names(
        self, http_: FlaskClient, peers: Any
    ) -> None:
        peers.answers["BatchGetContacts"] = AWAY
        listed(peers, delivery("SENT", message_id=RUN))

        page = shown(http_, f"{PAGE}/deliveries")

        assert "Accepted</span>" in page
        assert 'role="status"' in page
