"""The link of a message that ends such messages: a page that asks, and one-click by RFC 8058.

Only POST acts. Mail programs and their scanners open links, and that must change nothing.
"""

from typing import TYPE_CHECKING

from crm.notifier.v1 import message_pb2, suppression_service_pb2
from crm.notifier.v1.suppression_service_pb2_grpc import SuppressionServiceStub
from flask import Flask, Response, render_template, request

from chassis import errors
from chassis.errors import FieldViolation
from services.gateway import languages

if TYPE_CHECKING:
    from services.gateway.app import Gateway

ONE_CLICK = ("List-Unsubscribe", "One-Click")

TEXTS = {
    "en": {
        "title": "Unsubscribe",
        "question": "Stop these messages?",
        "what": "{address} will no longer get {purpose} from {advertiser}.",
        "all": "Stop everything from this sender but what I order myself, such as receipts",
        "button": "Unsubscribe",
        "done": "You are unsubscribed",
        "done_what": "{address} gets no more {purpose} from {advertiser}.",
        "already": "This was done before. Nothing more is needed.",
        "soft": "Messages that are on their way already may still arrive.",
        "language": "Tiếng Việt",
        "sender": "this sender",
    },
    "vi": {
        "title": "Từ chối nhận tin",
        "question": "Ngừng nhận các tin này?",
        "what": "{address} sẽ không còn nhận {purpose} từ {advertiser}.",
        "all": "Ngừng nhận mọi tin, trừ tin do tôi yêu cầu như biên lai",
        "button": "Từ chối nhận tin",
        "done": "Đã từ chối nhận tin",
        "done_what": "{address} sẽ không nhận thêm {purpose} từ {advertiser}.",
        "already": "Bạn đã từ chối trước đó. Không cần làm gì thêm.",
        "soft": "Tin đang trên đường gửi có thể vẫn đến.",
        "language": "English",
        "sender": "người gửi này",
    },
}

PURPOSES = {
    "en": {
        message_pb2.PURPOSE_MARKETING: "advertising",
        message_pb2.PURPOSE_CARE: "customer care messages",
        message_pb2.PURPOSE_CONSENT_REQUEST: "requests for consent",
    },
    "vi": {
        message_pb2.PURPOSE_MARKETING: "tin quảng cáo",
        message_pb2.PURPOSE_CARE: "tin chăm sóc khách hàng",
        message_pb2.PURPOSE_CONSENT_REQUEST: "tin xin đồng ý",
    },
}
_ANY = {"en": "messages", "vi": "tin nhắn"}


def attach(app: Flask, gateway: "Gateway") -> None:
    """Add `/u/<token>` to `app`."""
    limit = gateway.limiter.limit(f"{gateway.settings.public_per_minute} per minute")

    @app.route("/u/<token>", methods=["GET"], endpoint="public.unsubscribe")
    @limit
    def ask(token: str) -> str:
        described = _describe(gateway, token)
        return _page(described, done=described.unsubscribed, again=described.unsubscribed)

    @app.route("/u/<token>", methods=["POST"], endpoint="public.unsubscribe_now")
    @limit
    def act(token: str) -> Response | str:
        one_click = request.form.get(ONE_CLICK[0]) == ONE_CLICK[1]
        if not one_click and "confirm" not in request.form:
            wrong = FieldViolation(ONE_CLICK[0], f"must be {ONE_CLICK[1]}")
            raise errors.InvalidArgument(
                "FIELDS_INVALID", "this does not ask to unsubscribe", violations=[wrong]
            )
        everything = "all" in request.form and not one_click
        stub = gateway.peers.own(SuppressionServiceStub)
        stub.Unsubscribe(suppression_service_pb2.UnsubscribeRequest(token=token, all=everything))
        if one_click:
            return Response("unsubscribed\n", mimetype="text/plain")
        return _page(_describe(gateway, token), done=True, again=False)


def _describe(
    gateway: "Gateway", token: str
) -> suppression_service_pb2.DescribeUnsubscribeResponse:
    asked = suppression_service_pb2.DescribeUnsubscribeRequest(token=token)
    return gateway.peers.own(SuppressionServiceStub).DescribeUnsubscribe(asked)


def _page(
    described: suppression_service_pb2.DescribeUnsubscribeResponse, *, done: bool, again: bool
) -> str:
    language = languages.of(request)
    texts = TEXTS[language]
    sentence = texts["done_what" if done else "what"].format(
        address=described.masked_address,
        purpose=PURPOSES[language].get(described.purpose, _ANY[language]),
        advertiser=described.advertiser_name or texts["sender"],
    )
    return render_template(
        "public/unsubscribe.html",
        language=language,
        texts=texts,
        sentence=sentence,
        done=done,
        again=again,
        other="en" if language == "vi" else "vi",
    )
