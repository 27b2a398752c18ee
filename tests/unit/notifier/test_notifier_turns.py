"""Messages of a domain that takes so many at once take turns, and all the others just go."""

import itertools
import uuid
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifier.channels.line import Line
from services.notifier.channels.turns import Turns, line
from services.notifier.domain.states import Result, Verdict
from services.notifier.domain.throttling import Domains
from services.notifier.domain.work import Key, Outgoing, Prepared
from tests.unit.notifier.domain_parts import claimed, kind_of

TAKEN = Result(Verdict.TAKEN)
_ids = itertools.count(1)


def outgoing(domain: str, *, single: bool = False) -> Outgoing:
    """A message to somebody there."""
    id = next(_ids)
    message = claimed(
        key=Key(date(2026, 11, 22), uuid.UUID(int=id)),
        address_key=f"n{id}@{domain}",
        kind=kind_of(run_id=None if single else uuid.UUID(int=5)),
    )
    return Outgoing(Prepared(message, "", b"", (), 0, False, 1, 1, 1e18), 1)


def domain_of(message: Outgoing) -> str:
    return message.claimed.address_key.partition("@")[2]


class Wire:
    """Turns, the messages that sessions have, and those that have ended."""

    def __init__(self, **at_once: int) -> None:
        self.now = 0.0
        self.turns = Turns({f"{name}.vn": most for name, most in at_once.items()}, lambda: self.now)
        self.going: list[Outgoing] = []
        self.ended: list[Outgoing] = []
        self._done = self.turns.counted(lambda message, _result: self.ended.append(message))

    def add(self, *domains: str, single: bool = False) -> list[Outgoing]:
        """Submits a message to each domain."""
        made = [outgoing(it, single=single) for it in domains]
        for it in made:
            self.turns.add(it)
        return made

    def take(self) -> Outgoing | None:
        """A session takes the next."""
        message = self.turns.take()
        if message is not None:
            self.going.append(message)
        return message

    def take_all(self) -> list[str]:
        """Sessions take what they can; of which domains that was."""
        return [domain_of(it) for it in iter(self.take, None)]

    def end(self, message: Outgoing) -> None:
        """A message that a session has ends."""
        self.going.remove(message)
        self._done(message, TAKEN)

    def put_back(self, message: Outgoing) -> None:
        """A session cannot write it."""
        self.going.remove(message)
        self.turns.put_back(message)

    def return_all(self) -> None:
        """No session is left."""
        for message in list(self.turns.drain()):
            self._done(message, Result(Verdict.NOT_WRITTEN))


class TestTurns:
    def test_a_domain_has_no_more_than_its_number_and_others_pass(self) -> None:
        wire = Wire(a=2)
        wire.add("a.vn", "a.vn", "a.vn", "b.vn", "a.vn", "b.vn")

        assert wire.take_all() == ["a.vn", "a.vn", "b.vn", "b.vn"]
        assert len(wire.turns) == 0

    def test_who_waited_goes_when_one_ends_in_the_order_they_came(self) -> None:
        wire = Wire(a=1)
        first, second, third = wire.add("a.vn", "a.vn", "a.vn")
        wire.take_all()

        for following in (second, third):
            wire.end(wire.going[0])
            assert len(wire.turns) == 1
            assert wire.take() is following
        assert wire.ended == [first, second]

    def test_what_belongs_to_no_run_has_the_next_turn(self) -> None:
        wire = Wire(a=1)
        wire.add("a.vn", "a.vn", "a.vn")
        wire.take_all()
        (single,) = wire.add("a.vn", single=True)
        assert wire.take() is None

        wire.end(wire.going[0])
        assert wire.take() is single

    def test_one_that_is_put_back_gives_its_place_free(self) -> None:
        wire = Wire(a=1)
        first, _ = wire.add("a.vn", "a.vn")
        wire.take()
        assert wire.take() is None

        wire.put_back(first)

        assert wire.take() is first
        assert wire.take() is None

    def test_what_no_session_has_comes_out_whole(self) -> None:
        wire = Wire(a=1)
        wire.add("a.vn", "a.vn", "b.vn")
        wire.take()
        wire.take_all()
        wire.add("a.vn", "b.vn")

        wire.return_all()

        assert len(wire.ended) == 3
        assert wire.turns.crowd("a.vn") == (1, 0.1)

    def test_it_tells_how_many_are_here_and_how_long_one_takes(self) -> None:
        wire = Wire(a=1)
        wire.add(*["a.vn"] * 100)
        for _ in range(90):
            message = wire.take()
            assert message is not None
            wire.now += 2.0
            wire.end(message)

        found = wire.turns.crowd("a.vn")
        assert found is not None
        assert found.here == 10
        assert 1.9 < found.seconds < 2.0
        assert wire.turns.crowd("b.vn") is None

    def test_without_limits_there_is_only_a_line(self) -> None:
        assert type(line({})) is Line
        assert Line().crowd("a.vn") is None
        assert type(line({"a.vn": 1})) is Turns

    @given(
        st.lists(st.tuples(st.sampled_from("add take end back".split()), st.integers(0, 9))),
        st.integers(1, 3),
    )
    @settings(max_examples=150)
    def test_whatever_happens_nothing_is_lost_and_no_domain_has_more(
        self, steps: list[tuple[str, int]], most: int
    ) -> None:
        wire, added = Wire(a=most, b=2), 0
        for step, number in steps:
            if step == "add":
                wire.add(("a.vn", "b.vn", "c.vn")[number % 3], single=number == 9)
                added += 1
            elif step == "take":
                wire.take()
            elif wire.going:
                message = wire.going[number % len(wire.going)]
                (wire.end if step == "end" else wire.put_back)(message)
            there = [domain_of(it) for it in wire.going]
            assert there.count("a.vn") <= most
            assert there.count("b.vn") <= 2

        wire.take_all()
        while wire.going:
            wire.end(wire.going[0])
            wire.take_all()
        assert len(wire.ended) == len({id(it) for it in wire.ended}) == added


class TestLetThrough:
    def test_no_more_are_let_through_than_go_soon(self) -> None:
        wire = Wire(a=5)
        domains = Domains({}, {"a.vn": 5}, wire.turns.crowd)
        domains.window = 80

        going = 0
        for number in range(1_000):
            if not domains.put_off("x@a.vn", number / 1_000, 0.5):
                wire.add("a.vn")
                going += 1
        # An eighth of the window, beyond those that go.
        assert going == 5 + 10

        wire.take_all()
        assert domains.put_off("x@b.vn", 1.0, 0.5) == 0.0

    def test_as_many_are_let_through_as_it_takes(self) -> None:
        wire = Wire(a=5)
        domains = Domains({}, {"a.vn": 5}, wire.turns.crowd)
        domains.window = 800
        ended = 0
        for tick in range(4_000):  # 20 seconds in which each takes 50 ms
            wire.now = tick / 200
            for _ in range(3):
                if not domains.put_off("x@a.vn", wire.now, 0.5):
                    wire.add("a.vn")
            wire.take_all()
            if tick % 10 == 9:
                for message in list(wire.going):
                    wire.end(message)
                    ended += 1

        assert 5 * 20 * 20 * 0.8 < ended <= 5 * 20 * 20

    def test_what_belongs_to_no_run_is_let_through(self) -> None:
        wire = Wire(a=1)
        domains = Domains({}, {"a.vn": 1}, wire.turns.crowd)
        wire.add(*["a.vn"] * 50)

        assert domains.put_off("x@a.vn", 0.0, 0.5) > 0
        assert domains.put_off("x@a.vn", 0.0, 0.5, urgent=True) == 0.0

    def test_the_lower_of_both_limits_holds(self) -> None:
        wire = Wire(a=100)
        domains = Domains({"a.vn": 2.0}, {"a.vn": 100}, wire.turns.crowd)

        went = sum(not domains.put_off("x@a.vn", tick / 100, 0.5) for tick in range(1_000))
        assert went <= 22
