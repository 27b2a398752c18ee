"""Pages of runs: figures that open their rows, files, copies, and whom a run did not reach."""

import csv
import io
from typing import Any

import pytest
from crm.campaigns.v1 import (
    campaign_pb2,
    campaign_service_pb2,
    run_pb2,
    run_service_pb2,
    template_service_pb2,
)
from crm.leads.v1 import segment_service_pb2
from crm.notifier.v1 import suppression_service_pb2
from flask.testing import FlaskClient

from chassis import errors
from chassis.errors import FieldViolation
from services.gateway.files import MOST, cell
from tests.unit.gateway.web_parts import AWAY, CAMPAIGN, ID, RUN, sent, shown

R = run_pb2


def run(**given: Any) -> R.Run:
    """A run that has ended."""
    made = R.Run(
        **{
            "id": RUN,
            "campaign_id": CAMPAIGN,
            "state": campaign_pb2.RUN_STATE_COMPLETED,
            "audience": 10,
            "planned": 10,
            "counts": R.RecipientCounts(accepted=4, skipped=3, failed=1, in_doubt=2),
            **given,
        }
    )
    for state, reason, count in (("SKIPPED", "CAP", 1), ("SKIPPED", "SUPPRESSED", 2)):
        number = R.RecipientState.Value(f"RECIPIENT_STATE_{state}")
        lasting = reason == "SUPPRESSED"
        made.reasons.add(state=number, reason=reason, count=count, lasting=lasting)
    made.end_time.FromSeconds(1_700_000_000)
    return made


@pytest.fixture
def http_(signed_in: FlaskClient, peers: Any) -> FlaskClient:
    """A browser, and a run that has ended."""
    campaign = campaign_pb2.Campaign(id=CAMPAIGN, name="Tết", latest_run_id=RUN, etag="4")
    campaign.audience.unreached.run_id = RUN
    campaign.audience.unreached.states.append(campaign_pb2.UNREACHED_STATE_FAILED)
    peers.answers.update(
        GetRun=run(),
        GetCampaign=campaign,
        DraftResend=campaign_pb2.Campaign(id=ID),
        DuplicateCampaign=campaign_pb2.Campaign(id=ID),
        ReviewCampaign=campaign_service_pb2.ReviewCampaignResponse(),
        UpdateCampaign=campaign,
        ListRecipients=run_service_pb2.ListRecipientsResponse(
            recipients=[R.Recipient(address="+84912345678", state=R.RECIPIENT_STATE_SKIPPED)]
        ),
        ListSenderIdentities=suppression_service_pb2.ListSenderIdentitiesResponse(),
        ListTemplates=template_service_pb2.ListTemplatesResponse(),
        ListSegments=segment_service_pb2.ListSegmentsResponse(),
    )
    return signed_in


class TestTheReport:
    def test_each_figure_and_each_reason_opens_its_rows(self, http_: FlaskClient) -> None:
        page = shown(http_, f"/runs/{RUN}")

        assert f'href="/runs/{RUN}/recipients?state=accepted"' in page
        assert f'href="/runs/{RUN}/recipients?state=skipped&amp;reason=SUPPRESSED"' in page
        assert page.index("Unsubscribed or blocked") < page.index("Too many messages")

    def test_of_a_run_whose_rows_are_gone_figures_open_nothing_and_say_why(
        self, http_: FlaskClient, peers: Any
    ) -> None:
        old = run()
        old.rows_gone_time.FromSeconds(1_790_000_000)
        peers.answers["GetRun"] = old

        page = shown(http_, f"/runs/{RUN}")

        assert "The details of each recipient were cleared" in page
        assert f"/runs/{RUN}/recipients" not in page
        assert f"/runs/{RUN}/unreached" not in page
        assert 'class="count"' in page

    @pytest.mark.parametrize(
        ("language", "said", "counted"),
        [
            ("en", "It paused itself", "4 called it unwanted"),
            ("vi", "Đã tự tạm dừng", "4 người báo là thư rác"),
        ],
    )
    def test_one_that_paused_itself_says_why(
        self, http_: FlaskClient, peers: Any, language: str, said: str, counted: str
    ) -> None:
        paused = run()
        paused.state = campaign_pb2.RUN_STATE_PAUSED
        paused.pause_reason = R.RUN_PAUSE_REASON_COMPLAINTS
        paused.complaints = 4
        peers.answers["GetRun"] = paused

        page = shown(http_, f"/runs/{RUN}?lang={language}")

        assert said in page
        assert counted in page
        paused.pause_reason = R.RUN_PAUSE_REASON_HAND
        assert said not in shown(http_, f"/runs/{RUN}?lang={language}")

    def test_rows_are_asked_for_by_state_and_reason_and_offered_as_a_file(
        self, http_: FlaskClient, peers: Any
    ) -> None:
        page = shown(http_, f"/runs/{RUN}/recipients?state=skipped&reason=CAP")

        (asked,) = (it.request for it in peers.named("ListRecipients"))
        assert (list(asked.states), asked.reason) == ([R.RECIPIENT_STATE_SKIPPED], "CAP")
        assert f"/runs/{RUN}/recipients.csv?state=skipped&amp;reason=CAP" in page


class TestTheFile:
    def test_rows_come_as_they_are_read_and_no_cell_is_a_formula(
        self, http_: FlaskClient, peers: Any
    ) -> None:
        first = R.Recipient(
            address="+84912345678",
            state=R.RECIPIENT_STATE_SKIPPED,
            reason="CAP",
            campaign_name='=HYPERLINK("x")',
        )
        second = R.Recipient(address="đào@example.vn", state=R.RECIPIENT_STATE_FAILED)
        peers.answers["ExportRecipients"] = iter(
            [run_service_pb2.ExportRecipientsResponse(recipients=[it]) for it in (first, second)]
        )

        answer = http_.get(f"/runs/{RUN}/recipients.csv?state=skipped&reason=CAP")

        rows = list(csv.reader(io.StringIO(answer.get_data(as_text=True).lstrip("\ufeff"))))
        assert answer.mimetype == "text/csv"
        assert 'filename="recipients-skipped-cap.csv"' in answer.headers["Content-Disposition"]
        assert [row[1] for row in rows[1:]] == ["+84912345678", "đào@example.vn"]
        assert rows[1][2:4] == ["Skipped", "Too many messages to this address"]
        assert rows[1][6] == '\'=HYPERLINK("x")'

    def test_nobody_makes_a_file_of_headings(self, http_: FlaskClient, peers: Any) -> None:
        peers.answers["ExportRecipients"] = iter(())

        lines = http_.get(f"/runs/{RUN}/recipients.csv").get_data(as_text=True).splitlines()

        assert len(lines) == 1

    @pytest.mark.parametrize(
        ("failure", "status"),
        [
            (AWAY, 503),
            (errors.PermissionDenied("RIGHT_MISSING", "no"), 403),
            (errors.NotFound("RESOURCE_MISSING", "no"), 404),
        ],
    )
    def test_a_refusal_is_a_page_and_frees_its_place(
        self, http_: FlaskClient, peers: Any, failure: Any, status: int
    ) -> None:
        peers.answers["ExportRecipients"] = failure

        for _ in range(MOST + 1):
            assert http_.get(f"/runs/{RUN}/recipients.csv").status_code == status

    @pytest.mark.parametrize(
        ("text", "kept"),
        [
            ("+84912345678", "+84912345678"),
            ("-5.5", "-5.5"),
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("+84=cmd", "'+84=cmd"),
            ("\tx", "'\tx"),
            ("Đào", "Đào"),
        ],
    )
    def test_what_spreadsheets_compute_is_quoted(self, text: str, kept: str) -> None:
        assert cell(text) == kept


class TestTheUnreached:
    def test_it_says_how_many_would_be_written_to_of_each(self, http_: FlaskClient) -> None:
        page = shown(http_, f"/runs/{RUN}/unreached")

        assert "Skipped · <strong>1</strong>" in page  # two of three refused
        assert "In doubt · <strong>2</strong>" in page
        assert 'value="failed" checked' in page
        assert 'value="in_doubt" checked' not in page

    def test_a_run_that_is_on_offers_nothing(self, http_: FlaskClient, peers: Any) -> None:
        going = run()
        going.ClearField("end_time")
        peers.answers["GetRun"] = going

        assert "This run is still on" in shown(http_, f"/runs/{RUN}/unreached")

    def test_who_was_chosen_is_drafted_and_reviewed(self, http_: FlaskClient, peers: Any) -> None:
        answer = sent(http_, f"/runs/{RUN}/unreached", states="failed", name="Lần hai")

        asked = peers.last.request
        assert answer.headers["Location"] == f"/campaigns/{ID}/review"
        assert list(asked.unreached.states) == [campaign_pb2.UNREACHED_STATE_FAILED]
        assert (asked.unreached.run_id, asked.name, asked.request_id) == (RUN, "Lần hai", ID)
        assert asked.unreached.accept_duplicate is False

    @pytest.mark.parametrize(
        ("field", "why"),
        [
            ("campaign.audience.unreached.states", "is required"),
            ("campaign.audience.unreached.accept_duplicate", "must be true"),
        ],
    )
    def test_a_refused_choice_is_told_beside_it(
        self, http_: FlaskClient, peers: Any, field: str, why: str
    ) -> None:
        peers.answers["DraftResend"] = errors.InvalidArgument(
            "FIELDS_INVALID", "no", violations=[FieldViolation(field, why)]
        )

        answer = sent(http_, f"/runs/{RUN}/unreached")

        name = field.rpartition(".")[2]
        assert answer.status_code == 400
        assert f'id="{name}-wrong"' in answer.get_data(as_text=True)

    @pytest.mark.parametrize(
        ("failure", "status"),
        [(AWAY, 503), (errors.PermissionDenied("RIGHT_MISSING", "no"), 403)],
    )
    def test_a_refusal_is_told(
        self, http_: FlaskClient, peers: Any, failure: Any, status: int
    ) -> None:
        peers.answers["DraftResend"] = failure

        assert sent(http_, f"/runs/{RUN}/unreached", states="failed").status_code == status

    def test_the_review_and_the_form_say_whom_it_is_for(
        self, http_: FlaskClient, peers: Any
    ) -> None:
        assert "Those a run did not reach" in shown(http_, f"/campaigns/{CAMPAIGN}/review")
        assert "Those a run did not reach" in shown(http_, f"/campaigns/{CAMPAIGN}/edit")

        sent(http_, f"/campaigns/{CAMPAIGN}/edit", name="Tên mới", channel="email")

        changed = peers.named("UpdateCampaign")[0].request.campaign
        assert changed.audience.unreached.run_id == RUN  # never everybody


class TestACopy:
    def test_it_leads_to_its_form(self, http_: FlaskClient, peers: Any) -> None:
        answer = sent(http_, f"/campaigns/{CAMPAIGN}/duplicate")

        assert answer.headers["Location"] == f"/campaigns/{ID}/edit"
        assert peers.last.request.request_id == ID

    def test_a_refusal_is_told(self, http_: FlaskClient, peers: Any) -> None:
        peers.answers["DuplicateCampaign"] = AWAY

        answer = sent(http_, f"/campaigns/{CAMPAIGN}/duplicate")

        assert answer.status_code == 503
        assert 'role="alert"' in answer.get_data(as_text=True)
