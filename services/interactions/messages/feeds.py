"""Calendar feeds in their protobuf form."""

from crm.interactions.v1 import feed_pb2

from chassis.rpc import times
from services.interactions.domain.feeds import Feed
from services.interactions.messages import follow_ups


def out(kept: Feed) -> feed_pb2.Feed:
    """Returns a feed, without anything its address could be made of."""
    return feed_pb2.Feed(
        id=str(kept.id),
        name=kept.name,
        types=[follow_ups.type_out(it) for it in kept.types],
        create_time=times.out(kept.create_time),
        last_read_time=times.out(kept.last_read_time),
    )
