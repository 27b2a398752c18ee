"""People of audiences, written one by one."""

from collections.abc import Sequence

from services.campaigns.domain.planning import CONSENTED, GONE, Member, People


def columns(members: Sequence[Member]) -> People:
    """Return people as a stretch of an audience; at least one."""
    first = members[0]
    return People(
        first.ordinal,
        [it.contact_id for it in members],
        bytes(GONE if it.gone else CONSENTED if it.consented else 0 for it in members),
        [it.address for it in members],
        [it.address_key for it in members],
        [it.time_zone for it in members],
        [it.locale for it in members],
        [it.region for it in members],
        [[it.values[place] for it in members] for place in range(len(first.values))],
    )
