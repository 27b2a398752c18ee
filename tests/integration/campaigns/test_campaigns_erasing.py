"""A person leaves runs: counted as before, and nowhere an address."""

from uuid import UUID

from crm.campaigns.v1 import run_pb2
from crm.notifier.v1 import work_pb2

from services.campaigns.usecases import erasing, handover
from services.erasing import Person
from tests.integration.campaigns import desk as desks
from tests.integration.campaigns.house import House, member


async def erase(house: House, contact_id: UUID) -> dict[str, int]:
    async with house.sessions.begin() as session:
        return dict((await erasing.erase(session, Person((contact_id,)))).counts)


async def one_of(house: House, run: run_pb2.Run) -> tuple[UUID, str]:
    """The third recipient: contact and address."""
    ((contact_id, address),) = await house.rows(
        "SELECT contact_id, address FROM recipients WHERE run_id = :run AND ordinal = 3",
        run=run.id,
    )
    return UUID(str(contact_id)), str(address)


class TestErasing:
    async def test_who_is_planned_stays_so_without_an_address(self, house: House) -> None:
        run = await house.planned([member(n) for n in range(1, 6)])
        contact_id, address = await one_of(house, run)
        before = (await house.get(run)).counts

        assert await erase(house, contact_id) == {"chunks": 1, "recipients": 1}

        assert await house.rows(
            "SELECT address, state FROM recipients WHERE contact_id = :id", id=contact_id
        ) == [("", "PLANNED")]
        assert (await house.get(run)).counts == before
        assert (
            await house.rows(
                "SELECT 1 FROM chunks WHERE position(convert_to(:it, 'UTF8') IN payload) > 0",
                it=address,
            )
            == []
        )

    async def test_the_chunk_has_everybody_in_their_place(self, house: House) -> None:
        run = await house.planned([member(n) for n in range(1, 6)])
        contact_id, _ = await one_of(house, run)
        await erase(house, contact_id)

        async with house.sessions.begin() as session:
            (made,) = await handover.hand_over(session, UUID(run.id), backlog=100)

        chunk = work_pb2.Chunk.FromString(made.payload)
        addresses = chunk.addresses.decode().split("\0")
        place = [
            chunk.contact_ids[at : at + 16] for at in range(0, len(chunk.contact_ids), 16)
        ].index(contact_id.bytes)
        assert len(desks.ids(chunk)) == len(addresses) == 5
        assert [not it for it in addresses].index(True) == place
        assert addresses.count("") == 1
        assert all(column.decode().split("\0")[place] == "" for column in chunk.values)

    async def test_again_finds_nothing(self, house: House) -> None:
        run = await house.planned([member(n) for n in range(1, 6)])
        contact_id, _ = await one_of(house, run)
        await erase(house, contact_id)

        assert await erase(house, contact_id) == {}
