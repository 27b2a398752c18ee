"""One's calendar feeds: making one, its address shown once, and ending it."""

from crm.interactions.v1 import feed_pb2, feed_service_pb2, follow_up_pb2
from crm.interactions.v1.feed_service_pb2_grpc import FeedServiceStub
from flask import Blueprint, flash, url_for

from services.gateway.web import desk, names
from services.gateway.web.forms import Form


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/account/feeds", endpoint="feeds")(listing)
    pages.post("/account/feeds", endpoint="create_feed")(create)
    pages.post("/account/feeds/<uuid:feed_id>/revoke", endpoint="revoke_feed")(revoke)


def listing() -> desk.View:
    """Show one's feeds."""
    return _page(Form())


def create() -> desk.View:
    """Make a feed and show its address, which nobody can show again."""
    form = Form.sent()
    types = [
        follow_up_pb2.FollowUpType.ValueType(names.value(follow_up_pb2.FollowUpType, it))
        for it in form.all("types")
    ]
    asked = feed_service_pb2.CreateFeedRequest(
        feed=feed_pb2.Feed(name=form.get("name"), types=types)
    )
    made = form.attempt(
        lambda: desk.ask(FeedServiceStub).CreateFeed(asked), prefix="feed.", known=["name"]
    )
    if made is None:
        return _page(form)
    return _page(Form(), desk.gateway().settings.public_url + made.path)


def revoke(feed_id: object) -> desk.View:
    """End one; programs that read it get nothing any more."""
    asked = feed_service_pb2.RevokeFeedRequest(id=str(feed_id))
    desk.ask(FeedServiceStub).RevokeFeed(asked)
    flash(desk.t("feeds.revoked"))
    return desk.to(url_for("web.feeds"))


def _page(form: Form, address: str = "") -> desk.View:
    asked = feed_service_pb2.ListFeedsRequest(page_size=100)
    found = desk.ask(FeedServiceStub).ListFeeds(asked)
    return desk.page("feeds.html", found=found, form=form, address=address), form.status
