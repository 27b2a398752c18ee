"""A domain that takes so many messages at once gets no more, and nobody else waits for it."""

from collections.abc import Sequence

from services.notifier.domain.states import State
from tests.integration.notifier.notifier_parts import House, MailServer

MOST = 3


def at(domain: str, count: int) -> Sequence[str]:
    """So many addresses of a domain."""
    return [f"n{number}@{domain}" for number in range(count)]


class TestAtOnce:
    async def test_others_go_while_it_is_full_and_then_all_of_it_does(
        self, house: House, mail: MailServer
    ) -> None:
        wire = mail.wire(connections=8, window=120, at_once={"slow.vn": MOST})
        run = await house.take([*at("slow.vn", 40), *at("fast.vn", 60)])
        house.engine(wire, email_domain_at_once=f"slow.vn={MOST}")

        await mail.took(60)
        assert {it.partition("@")[2] for it in mail.taken} == {"fast.vn"}
        assert mail.going["slow.vn"] == MOST

        mail.slow.set()
        await house.until(run, {State.ACCEPTED: 100})
        assert mail.most_going["slow.vn"] == MOST
        assert sorted(mail.taken) == sorted(set(mail.taken))

    async def test_an_engine_that_stops_gives_back_what_waited(
        self, house: House, mail: MailServer
    ) -> None:
        wire = mail.wire(connections=8, window=120, at_once={"slow.vn": MOST})
        run = await house.take(at("slow.vn", 20))
        engine = house.engine(wire)
        await mail.began(MOST, "slow.vn")

        await engine.stop()  # type: ignore[attr-defined]

        counts = await house.counts(run)
        assert counts.keys() <= {State.QUEUED, State.IN_DOUBT}
        assert counts[State.QUEUED] >= 20 - MOST
