"""Which addresses a plan has met: each found again, and none that was not met."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.campaigns.domain import keys
from services.campaigns.domain.addresses import Addresses
from services.campaigns.domain.kinds import Channel

KEY = bytes(range(32))


def ids(addresses: Sequence[str]) -> list[bytes]:
    """Return the messages to addresses, each of another contact."""
    contacts = [random.randbytes(16) for _ in addresses]
    return keys.message_ids(KEY, Channel.EMAIL)(contacts, addresses)


class TestMeeting:
    @given(st.lists(st.sampled_from("abcdefg") | st.none(), max_size=40), st.integers(1, 12))
    def test_they_are_met_as_in_a_set(self, addresses: list[str | None], step: int) -> None:
        known: set[str] = set()
        wanted = []
        for place, each in enumerate(addresses):
            if each is not None and each in known:
                wanted.append(place)
            elif each is not None:
                known.add(each)
        table = Addresses(len(addresses))

        found = []
        for at in range(0, len(addresses), step):
            some = addresses[at : at + step]
            made = iter(ids([it for it in some if it is not None]))
            found += [at + it for it in table.meet([it and next(made) for it in some])]
        table.close()

        assert found == wanted

    def test_a_hundred_thousand_are_told_apart_and_found_again(self) -> None:
        people = ids([f"person{n}@example.vn" for n in range(100_000)])
        again = ids([f"person{n}@example.vn" for n in range(99_000, 101_000)])
        table = Addresses(101_000)

        assert table.meet(people) == []
        assert table.meet(again) == list(range(1_000))

    def test_who_goes_on_with_the_plan_of_another_knows_what_it_has(self) -> None:
        first, second = ids(["a", "b"]), ids(["c", "b"])
        table = Addresses(4)

        table.know(b"".join(each[8:] for each in first))

        assert table.meet(second) == [1]

    def test_more_than_the_audience_is_refused(self) -> None:
        table = Addresses(2)

        with pytest.raises(ValueError, match="more addresses"):
            table.meet(ids(["a", "b", "c"]))
