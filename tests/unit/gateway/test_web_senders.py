"""The pages of who sends: renewed by its last day, refusals at their input."""

from datetime import UTC, datetime
from typing import Any

import pytest
from crm.accounts.v1 import user_pb2
from crm.notifier.v1 import message_pb2, suppression_pb2, suppression_service_pb2
from flask.testing import FlaskClient

from chassis import errors
from tests.unit.gateway.message_parts import refused
from tests.unit.gateway.web_parts import ID, sent, shown

ONE = f"/senders/identities/{ID}"
# The end of 24 November 2029 in Vietnam.
ENDS = datetime(2029, 11, 24, 17, tzinfo=UTC)
PAST = datetime(2024, 3, 1, 1, 30, tzinfo=UTC)


def identity(ends: datetime | None = None, **given: Any) -> suppression_pb2.SenderIdentity:
    made = suppression_pb2.SenderIdentity(
        **{
            "id": ID,
            "etag": "3",
            "advertiser_id": "a1",
            "channel": message_pb2.CHANNEL_SMS,
            "address": "SONGHONG",
            **given,
        }
    )
    if ends:
        made.expire_time.FromDatetime(ends)
    return made


def of_mail(**given: Any) -> suppression_pb2.SenderIdentity:
    return identity(channel=message_pb2.CHANNEL_EMAIL, address="news@songhong.vn", **given)


def answer(peers: Any, stored: suppression_pb2.SenderIdentity) -> None:
    """Has the notifier hold this sender."""
    peers.answers.update(
        GetSenderIdentity=stored,
        UpdateSenderIdentity=stored,
        ListSenderIdentities=suppression_service_pb2.ListSenderIdentitiesResponse(
            sender_identities=[stored]
        ),
    )


@pytest.fixture
def desk(signed_in: FlaskClient, peers: Any) -> FlaskClient:
    """A browser, an advertiser and its brand name."""
    answer(peers, identity(ENDS))
    advertiser = suppression_pb2.Advertiser(id="a1", name="Sông <b>Hồng</b>", postal_address="1 Lê")
    peers.answers["ListAdvertisers"] = suppression_service_pb2.ListAdvertisersResponse(
        advertisers=[advertiser]
    )
    return signed_in


def asked(peers: Any) -> suppression_service_pb2.UpdateSenderIdentityRequest:
    """What the notifier was asked to change last."""
    found: suppression_service_pb2.UpdateSenderIdentityRequest = peers.named(
        "UpdateSenderIdentity"
    )[-1].request
    return found


class TestList:
    def test_each_leads_to_its_page_and_says_its_last_day(self, desk: FlaskClient) -> None:
        page = shown(desk, "/senders?lang=vi")

        assert f'href="{ONE}"' in page
        assert "đăng ký đến 24/11/2029<" in page

    def test_an_end_within_a_day_is_said_to_the_minute(self, desk: FlaskClient, peers: Any) -> None:
        answer(peers, identity(datetime(2029, 11, 24, 8, 51, tzinfo=UTC)))

        assert "registered until 24 Nov 2029, 15:51" in shown(desk, "/senders?lang=en")

    def test_one_that_ended_is_said_to_send_nothing(self, desk: FlaskClient, peers: Any) -> None:
        answer(peers, identity(PAST))

        page = shown(desk, "/senders?lang=vi")

        assert "đăng ký hết hạn 01/03/2024 08:30: không gửi nữa" in page


class TestPage:
    def test_a_brand_name_shows_its_last_day_and_who_it_is(self, desk: FlaskClient) -> None:
        page = shown(desk, f"{ONE}?lang=vi")

        assert 'value="2029-11-24"' in page
        assert 'name="etag" value="3"' in page
        assert "Sông &lt;b&gt;Hồng&lt;/b&gt;" in page
        assert 'name="reply_to"' not in page

    def test_an_address_has_a_name_and_where_answers_go(
        self, desk: FlaskClient, peers: Any
    ) -> None:
        answer(peers, of_mail(display_name="Lan", reply_to="lan@songhong.vn"))

        page = shown(desk, f"{ONE}?lang=en")

        assert 'value="Lan"' in page
        assert 'value="lan@songhong.vn"' in page
        assert 'name="expire_time" value=""' in page

    def test_who_may_only_read_has_nothing_to_send(self, desk: FlaskClient, peers: Any) -> None:
        session = peers.answers["ExchangeSession"]
        del session.rights[:]
        session.rights.add(resource="senders", action="read", level=user_pb2.LEVEL_ALL)

        page = shown(desk, f"{ONE}?lang=en")

        assert "SONGHONG" in page
        assert 'name="expire_time"' not in page


class TestChange:
    def test_it_is_registered_to_the_end_of_the_day(self, desk: FlaskClient, peers: Any) -> None:
        answered = sent(desk, ONE, etag="3", expire_time="2032-11-24")

        request = asked(peers)
        given = request.sender_identity
        assert answered.status_code == 303
        assert answered.headers["Location"] == "/senders"
        assert (given.id, given.etag) == (ID, "3")
        assert list(request.update_mask.paths) == ["expire_time"]
        assert given.expire_time.ToDatetime(UTC) == datetime(2032, 11, 24, 17, tzinfo=UTC)

    def test_an_end_that_was_not_touched_is_not_sent(self, desk: FlaskClient, peers: Any) -> None:
        answer(peers, of_mail(ends=PAST))

        sent(desk, ONE, etag="3", expire_time="2024-02-29", display_name="Mai", reply_to="")

        request = asked(peers)
        assert list(request.update_mask.paths) == ["display_name", "reply_to"]
        assert request.sender_identity.display_name == "Mai"
        assert not request.sender_identity.HasField("expire_time")

    def test_one_that_is_emptied_ends_no_more(self, desk: FlaskClient, peers: Any) -> None:
        answer(peers, of_mail(ends=ENDS))

        sent(desk, ONE, etag="3", expire_time="", display_name="", reply_to="")

        assert "expire_time" in asked(peers).update_mask.paths
        assert not asked(peers).sender_identity.HasField("expire_time")

    def test_a_day_that_it_ended_on_is_lengthened_to_its_end(
        self, desk: FlaskClient, peers: Any
    ) -> None:
        answer(peers, identity(datetime(2029, 11, 24, 8, 51, tzinfo=UTC)))

        sent(desk, ONE, etag="3", expire_time="2029-11-24")

        assert asked(peers).sender_identity.expire_time.ToDatetime(UTC) == ENDS

    @pytest.mark.parametrize("typed", ["2032-02-30", "mai", "9999-12-31"])
    def test_what_is_no_day_is_said_and_kept(
        self, desk: FlaskClient, peers: Any, typed: str
    ) -> None:
        shown(desk, "/senders?lang=vi")

        answered = sent(desk, ONE, etag="3", expire_time=typed)

        page = answered.get_data(as_text=True)
        assert 'id="expire_time-wrong"' in page
        assert f'value="{typed}"' in page
        assert answered.status_code == 400
        assert not peers.named("UpdateSenderIdentity")

    @pytest.mark.parametrize(
        ("field", "why", "said"),
        [
            ("expire_time", "is required for a brand name", "luôn có ngày hết hạn"),
            ("expire_time", "has passed", "Đã qua"),
            ("reply_to", "is not an e-mail address", "Không phải địa chỉ e-mail"),
            ("display_name", "is longer than 100 characters", "Dài quá 100 ký tự"),
        ],
    )
    def test_what_is_refused_is_said_at_its_input_and_kept(
        self, desk: FlaskClient, peers: Any, field: str, why: str, said: str
    ) -> None:
        answer(peers, of_mail(ends=ENDS))
        peers.answers["UpdateSenderIdentity"] = refused(f"sender_identity.{field}", why)
        typed = {"display_name": "Mai", "reply_to": "mai@", "expire_time": "2020-01-01"}
        shown(desk, "/senders?lang=vi")

        answered = sent(desk, ONE, etag="3", **typed)

        page = answered.get_data(as_text=True)
        assert answered.status_code == 400
        assert said in page.partition(f'id="{field}-wrong"')[2].partition("</div>")[0]
        assert all(f'value="{it}"' in page for it in typed.values())

    def test_what_somebody_else_changed_is_not_written_over(
        self, desk: FlaskClient, peers: Any
    ) -> None:
        peers.answers["UpdateSenderIdentity"] = errors.Aborted("ETAG_STALE", "changed")
        shown(desk, "/senders?lang=en")

        answered = sent(desk, ONE, etag="2", expire_time="2032-11-24")

        page = answered.get_data(as_text=True)
        assert "Somebody else changed this" in page
        assert 'value="2032-11-24"' in page
        assert 'name="etag" value="2"' in page
