"""A calendar feed, which calendar programs read by its secret address.

Who knows the address reads it, so it is answered with the gateway's own identity, and what is in
it follows the rights its owner has now. The log names the route only, never the address.
"""

from typing import TYPE_CHECKING

from crm.interactions.v1 import feed_service_pb2
from crm.interactions.v1.feed_service_pb2_grpc import FeedServiceStub
from flask import Flask, Response, request

from services.gateway.calendars import MIMETYPE

if TYPE_CHECKING:
    from services.gateway.app import Gateway

_MOST_TAGS = 8


def attach(app: Flask, gateway: "Gateway") -> None:
    """Add `/calendar/<token>.ics` to `app`."""
    limit = gateway.limiter.limit(f"{gateway.settings.public_per_minute} per minute")

    @app.route("/calendar/<token>.ics", methods=["GET"], endpoint="public.calendar")
    @limit
    def feed(token: str) -> Response:
        known = sorted(request.if_none_match.as_set(include_weak=True))[:_MOST_TAGS]
        asked = feed_service_pb2.ReadFeedRequest(token=token, known_etags=known)
        found = gateway.peers.own(FeedServiceStub).ReadFeed(asked)
        response = Response(found.ics, content_type=MIMETYPE)
        response.set_etag(found.etag)
        response.last_modified = found.change_time.ToDatetime()
        # Kept by its reader, asked about each time, and by nobody in between.
        response.headers["Cache-Control"] = "private, no-cache"
        response.make_conditional(request)
        return response
