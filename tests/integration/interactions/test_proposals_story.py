"""What a proposal tells of itself: its story, and its link."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from crm.interactions.v1 import proposal_service_pb2 as pb2
from crm.leads.v1 import events_pb2
from sqlalchemy import text

from chassis import errors
from chassis.context import Level
from chassis.events.consumer import Event
from chassis.scope import Scope
from services.interactions import consumers
from services.interactions.domain.timeline import Kind
from services.interactions.storage import timeline
from tests.integration.interactions.house import NOON
from tests.integration.interactions.proposal_parts import Desk, token
from tests.integration.serving import refused

pytestmark = pytest.mark.timeout(300)


class TestStory:
    async def test_what_happened_is_on_the_contacts_timeline_for_who_may_see_it(
        self, desk: Desk
    ) -> None:
        contact = desk.contact()
        sent = await desk.sent(contact_id=contact.id, address="")
        await desk.link().AcceptProposal(
            pb2.AcceptProposalRequest(token=token(sent), issue=1, name="Đào")
        )

        async def kinds(level: Level) -> list[str]:
            reach = Scope(level, "somebody", uuid4(), None)
            async with desk.sessions.begin() as session:
                entries = await timeline.page(
                    session, UUID(contact.id), list(Kind), reach, 50, None, offers=reach
                )
            return [it.details["event"] for it in entries]

        assert await kinds(Level.ALL) == ["accepted", "viewed", "sent"]
        assert await kinds(Level.OWN) == []

    async def test_a_person_is_erased_and_number_and_sums_stay(self, desk: Desk) -> None:
        contact = desk.contact()
        sent = await desk.sent(contact_id=contact.id, address="")
        draft = await desk.draft(contact_id=contact.id)
        await desk.link().CommentProposal(
            pb2.CommentProposalRequest(token=token(sent), text="gọi tôi 0912 345 678")
        )
        gone = events_pb2.ContactDeleted(contact_id=contact.id, revision=2)
        event = Event(
            id=str(uuid4()),
            subject=gone.DESCRIPTOR.full_name,
            data=gone.SerializeToString(),
            headers={},
            time=NOON,
            revision=0,
            key="",
            deliveries=1,
        )

        async with desk.sessions.begin() as session:
            await consumers.HANDLERS[event.subject](session, event)

        kept = await desk.get(sent.id)
        assert (kept.number, kept.totals) == (sent.number, sent.totals)
        assert (kept.contact_id, kept.address, await desk.state(sent.id)) == ("", "", "WITHDRAWN")
        async with desk.sessions.begin() as session:
            tables = ("proposals", "proposal_events", "proposal_letters")
            whole = [
                str((await session.execute(text(f"SELECT * FROM {it}"))).all())  # noqa: S608
                for it in tables
            ]
        assert not any(word in "".join(whole) for word in ("Đào", "dao@", "0912"))
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await desk.get(draft.id)


def test_a_link_of_another_is_not_read() -> None:
    from services.interactions.domain.proposals import links

    proposal_id, secret = uuid4(), b"k" * 16
    made = links.token(proposal_id, secret)
    other: Any = "A" if made[-8] != "A" else "B"

    assert links.read(made, secret) == proposal_id
    assert links.read(made, b"j" * 16) is None
    assert links.read(made[:-8] + other + made[-7:], secret) is None
    assert [links.read(it, secret) for it in ("", "x", "é" * 43, "A" * 43, made + "AAAA")] == (
        [None] * 5
    )
