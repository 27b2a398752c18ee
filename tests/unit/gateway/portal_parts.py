"""A browser of a customer, as tests of the portal use it."""

import re
from typing import Any

import pytest
from crm.interactions.v1 import portal_pb2, proposal_pb2, request_pb2
from crm.interactions.v1 import portal_service_pb2 as pb2
from crm.leads.v1 import contact_pb2, portal_service_pb2, transaction_pb2
from crm.leads.v1 import portal_pb2 as mine_pb2
from crm.notifier.v1 import suppression_service_pb2
from flask.testing import FlaskClient

from services.gateway.portal.sessions import ContactSessions, Customer

ID = "0192f3a0-0000-7000-8000-000000000001"
ADVERTISER = "0192f3a0-0000-7000-8000-0000000000ad"
CUSTOMER = Customer("of-a-customer", "login", "contact", "Đào", "vi")


@pytest.fixture
def portal(http: FlaskClient, peers: Any, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """A browser of a customer who has one of everything."""
    monkeypatch.setattr(ContactSessions, "secret_of", lambda *_: "secret")
    monkeypatch.setattr(ContactSessions, "who", lambda *_: CUSTOMER)
    profile = mine_pb2.MyProfile(
        etag="3",
        display_name="Đào <b>",
        given_name="Đào",
        phones=["+84912345678"],
        time_zone="America/New_York",
        locale="vi",
    )
    meeting = portal_pb2.MyAppointment(
        id=ID,
        type=portal_pb2.MY_APPOINTMENT_TYPE_MEETING,
        title="Xem căn hộ",
        state=portal_pb2.MY_APPOINTMENT_STATE_PLANNED,
    )
    meeting.start_time.FromJsonString("2031-02-03T17:00:00Z")
    asked = portal_pb2.MyRequest(
        id=ID,
        kind=request_pb2.REQUEST_KIND_QUESTION,
        subject="Bảo hành <i>",
        state=request_pb2.REQUEST_STATE_ANSWERED,
        replies=[portal_pb2.MyReply(text="Mai có thợ <u>")],
    )
    offer = portal_pb2.MyProposal(
        id=ID,
        title="Máy lọc",
        total="1.188.000 ₫",
        valid_until="2031-03-01",
        state=proposal_pb2.PROPOSAL_STATE_SENT,
    )
    bought = mine_pb2.MyTransaction(
        number="HD-1",
        type=transaction_pb2.TRANSACTION_TYPE_ORDER,
        amount=250_000,
        currency="VND",
        lines=[transaction_pb2.TransactionLine(product="Trà", quantity=2, amount=250_000)],
    )
    advertisers = suppression_service_pb2.ListAdvertisersResponse()
    advertisers.advertisers.add(id=ADVERTISER, name="Sông Hồng")
    peers.answers.update(
        GetMyProfile=profile,
        UpdateMyProfile=profile,
        ListMyConsents=portal_service_pb2.ListMyConsentsResponse(
            consents=[
                mine_pb2.MyConsent(
                    advertiser_id=ADVERTISER,
                    purpose=contact_pb2.PURPOSE_MARKETING,
                    channel=contact_pb2.CHANNEL_EMAIL,
                    state=mine_pb2.MY_CONSENT_STATE_GIVEN,
                )
            ]
        ),
        ChangeMyConsent=mine_pb2.MyConsent(),
        ListAdvertisers=advertisers,
        ListMyTransactions=portal_service_pb2.ListMyTransactionsResponse(transactions=[bought]),
        ListMyProposals=pb2.ListMyProposalsResponse(proposals=[offer]),
        GetMyProposal=proposal_pb2.PublicProposal(
            title="Máy lọc",
            state=proposal_pb2.PROPOSAL_STATE_SENT,
            issue=2,
            html="<article class='proposal'>Tổng cộng</article>",
            attachments=[proposal_pb2.ProposalAttachment(name="Bảng giá.pdf", size=2_097_152)],
        ),
        AcceptMyProposal=proposal_pb2.PublicProposal(),
        ListMyAppointments=pb2.ListMyAppointmentsResponse(appointments=[meeting]),
        GetMyAppointment=meeting,
        AskForAnotherTime=asked,
        ListMyRequests=pb2.ListMyRequestsResponse(requests=[asked]),
        GetMyRequest=asked,
        CreateMyRequest=asked,
        ReplyToMyRequest=asked,
        AskForErasure=asked,
    )
    return http


def shown(http: FlaskClient, path: str, status: int = 200) -> str:
    """The text of a page."""
    answer = http.get(path)
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.get_data(as_text=True)


def sent(http: FlaskClient, path: str, **fields: str) -> Any:
    """The answer to a form that was filled and sent."""
    token = re.search(r'name="csrf_token" value="([0-9a-f]+)"', shown(http, "/portal/erase"))
    assert token is not None
    return http.post(path, data={"csrf_token": token.group(1), "request_id": ID, **fields})
