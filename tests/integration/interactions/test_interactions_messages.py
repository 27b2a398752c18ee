"""Campaign messages in a contact's story, asked of campaigns while reading."""

from typing import Any

import pytest

from tests.integration.interactions.house import NOON
from tests.integration.interactions.story_parts import MINUTE, moved, story


async def whole(house: Any, contact_id: str, size: int, **more: Any) -> list[Any]:
    """All pages of a story; fails when a page but the last is not full."""
    entries: list[Any] = []
    token = ""
    while True:
        page = await story(house, contact_id, page_size=size, page_token=token, **more)
        entries += page.entries
        token = page.next_page_token
        if not token:
            return entries
        assert len(page.entries) == size


class TestMessages:
    @pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
    async def test_they_are_merged_by_time_over_any_pages(self, house: Any, size: int) -> None:
        contact = house.contact()
        facts = [moved(contact, minute) for minute in (0, 2, 4, 6, 8)]
        for fact in facts:
            await house.tell(fact)
        sent = [house.campaigns.had(NOON + minute * MINUTE) for minute in (9, 7, 5, 3, 1)]

        entries = await whole(house, contact.id, size)

        times = [entry.time.seconds for entry in entries]
        assert times == sorted(times, reverse=True)
        assert [entry.id for entry in entries if entry.kind == "message"] == sent
        assert len(entries) == 10
        assert entries[0].details["state"] == "delivered"

    @pytest.mark.parametrize("size", [1, 2, 3])
    async def test_one_that_changed_late_is_neither_lost_nor_doubled(
        self, house: Any, size: int
    ) -> None:
        contact = house.contact()
        for minute in range(4):
            await house.tell(moved(contact, minute))
        # Campaigns orders by run, and the older run's receipt came last.
        sent = [house.campaigns.had(NOON + minute * MINUTE) for minute in (1, 9, 2)]

        entries = await whole(house, contact.id, size)

        assert [entry.id for entry in entries if entry.kind == "message"] == sent
        assert len({entry.id for entry in entries}) == len(entries) == 7

    @pytest.mark.parametrize("how", ["hangs", "away"])
    async def test_without_an_answer_the_rest_is_shown_and_the_source_named(
        self, house: Any, how: str
    ) -> None:
        contact = house.contact()
        await house.tell(moved(contact, 1))
        house.campaigns.had(NOON)
        setattr(house.campaigns, how, True)

        page = await story(house, contact.id)

        assert [entry.kind for entry in page.entries] == ["stage_changed"]
        assert list(page.unavailable_sources) == ["campaigns"]
        setattr(house.campaigns, how, False)
        page = await story(house, contact.id)
        assert ([entry.kind for entry in page.entries][-1], list(page.unavailable_sources)) == (
            "message",
            [],
        )
