"""Proposals that went to a person's address leave with them, whosever they were."""

from uuid import UUID, uuid4

import pytest

from services.erasing import Erased, Person
from services.interactions.usecases import erasing
from tests.integration.interactions.proposal_parts import Desk

ADDRESS = "hoa.rat.rieng@example.vn"


@pytest.fixture
def hoa() -> Person:
    return Person((uuid4(),), emails=(ADDRESS,))


async def erase(desk: Desk, person: Person) -> Erased:
    async with desk.sessions.begin() as session:
        return await erasing.erase(session, person)


async def everything(desk: Desk) -> str:
    tables = ("proposals", "proposal_events", "proposal_letters")
    return "".join([str(await desk.rows(f"SELECT * FROM {it}")) for it in tables])  # noqa: S608


class TestSentTo:
    async def test_one_that_is_no_contacts_is_erased_and_named_each_time(
        self, desk: Desk, hoa: Person
    ) -> None:
        sent = await desk.sent(contact_id="", address=ADDRESS.upper())

        first, second = await erase(desk, hoa), await erase(desk, hoa)

        assert dict(first.counts) == dict(second.counts) == {}
        assert ("proposal", sent.id) in first.subjects & second.subjects
        assert ADDRESS not in (await everything(desk)).lower()
        kept = await desk.get(sent.id)
        assert (kept.number, kept.totals) == (sent.number, sent.totals)
        assert {it.description for it in kept.lines} == {"\u2014"}

    async def test_that_of_another_contact_loses_the_address_alone(
        self, desk: Desk, hoa: Person
    ) -> None:
        contact = desk.contact()
        sent = await desk.sent(contact_id=contact.id, address=ADDRESS)

        first, second = await erase(desk, hoa), await erase(desk, hoa)

        assert (first.counts["proposal_addresses"], dict(second.counts)) == (1, {})
        kept = await desk.get(sent.id)
        assert (kept.contact_id, kept.address, kept.title) == (contact.id, "", sent.title)
        assert ADDRESS not in await everything(desk)

    async def test_that_to_a_longer_address_stays(self, desk: Desk) -> None:
        sent = await desk.sent(contact_id="", address=f"b.{ADDRESS}")

        erased = await erase(desk, Person((UUID(int=1),), emails=(ADDRESS,)))

        assert erased.subjects == set()
        assert (await desk.get(sent.id)).address == f"b.{ADDRESS}"
