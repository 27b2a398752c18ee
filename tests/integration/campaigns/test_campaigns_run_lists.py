"""Runs as they are watched and listed, with their recipients."""

from uuid import UUID, uuid4

from crm.campaigns.v1 import run_pb2
from crm.campaigns.v1 import run_service_pb2 as pb

from chassis import errors
from services.campaigns.usecases import runs as usecases
from tests.integration.campaigns import desk as desks
from tests.integration.campaigns.house import House, member
from tests.integration.campaigns.run_parts import STATES, handed_over, tell
from tests.integration.serving import refused


class TestWatch:
    async def test_it_tells_of_every_change_until_the_end(self, house: House) -> None:
        run, ids = await handed_over(house, 2)
        stream = house.runs.WatchRun(pb.WatchRunRequest(id=run.id))
        changes = aiter(stream)
        seen: list[run_pb2.Run] = [await anext(changes)]

        await tell(house, run, ids, desks.ACCEPTED)
        seen.append(await anext(changes))
        async with house.sessions.begin() as session:
            await usecases.finish(session, UUID(run.id), house.now())
        seen += [each async for each in changes]

        assert [each.counts.accepted for each in seen] == [0, 2, 2]
        assert seen[-1].state == STATES.RUN_STATE_COMPLETED

    async def test_an_unknown_run_is_missing(self, house: House) -> None:
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            async for _ in house.runs.WatchRun(pb.WatchRunRequest(id=str(uuid4()))):
                pass


class TestLists:
    async def test_runs_are_listed_newest_first(self, house: House) -> None:
        runs = [(await house.run_of([member(1)])).id for _ in range(3)]

        first = await house.runs.ListRuns(pb.ListRunsRequest(page_size=2))
        rest = await house.runs.ListRuns(
            pb.ListRunsRequest(page_size=2, page_token=first.next_page_token)
        )

        assert [each.id for each in (*first.runs, *rest.runs)] == runs[::-1]

    async def test_runs_of_a_campaign_are_told_from_others(self, house: House) -> None:
        run, _ = await house.run_of([member(1)]), await house.run_of([member(1)])

        found = await house.runs.ListRuns(pb.ListRunsRequest(campaign_id=run.campaign_id))

        assert [each.id for each in found.runs] == [run.id]

    async def test_recipients_are_paged_and_filtered(self, house: House) -> None:
        run, ids = await handed_over(house, 5)
        await tell(house, run, ids[:3], desks.FAILED, reason="REFUSED")
        await tell(house, run, ids[3:4], desks.FAILED, reason="OTHER")

        request = pb.ListRecipientsRequest(
            run_id=run.id,
            states=[run_pb2.RECIPIENT_STATE_FAILED],
            reason="REFUSED",
            page_size=2,
        )
        first = await house.runs.ListRecipients(request)
        request.page_token = first.next_page_token
        rest = await house.runs.ListRecipients(request)

        found = [*first.recipients, *rest.recipients]
        assert [UUID(each.message_id).bytes for each in found] == ids[:3]
        assert {each.reason for each in found} == {"REFUSED"}
        assert found[0].campaign_name == "Khai trương"
        assert found[0].address == "Person1@example.vn"

    async def test_the_excluded_are_shown_with_their_reason(self, house: House) -> None:
        run = await house.planned([member(1, gone=True)])

        found = await house.runs.ListRecipients(pb.ListRecipientsRequest(run_id=run.id))

        (person,) = found.recipients
        assert (person.state, person.reason, person.message_id) == (
            run_pb2.RECIPIENT_STATE_EXCLUDED,
            "CONTACT_GONE",
            "",
        )

    async def test_what_a_contact_got_is_listed_newest_first(self, house: House) -> None:
        someone, somebody_else = member(1), member(2)
        runs = [(await house.planned([someone, somebody_else])).id for _ in range(3)]

        request = pb.ListContactRecipientsRequest(
            contact_id=str(UUID(bytes=someone.contact_id)), page_size=2
        )
        first = await house.runs.ListContactRecipients(request)
        request.page_token = first.next_page_token
        rest = await house.runs.ListContactRecipients(request)

        assert [each.run_id for each in (*first.recipients, *rest.recipients)] == runs[::-1]

    async def test_a_token_of_another_run_is_refused(self, house: House) -> None:
        run, _ = await handed_over(house, 2)
        other = await house.planned([member(1)])
        first = await house.runs.ListRecipients(
            pb.ListRecipientsRequest(run_id=run.id, page_size=1)
        )

        with refused(errors.InvalidArgument, "PAGE_TOKEN_INVALID"):
            await house.runs.ListRecipients(
                pb.ListRecipientsRequest(run_id=other.id, page_token=first.next_page_token)
            )
