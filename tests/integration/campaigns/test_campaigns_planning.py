"""A run's plan: who gets a message, who does not and why, whoever is killed meanwhile."""

from uuid import UUID

from crm.campaigns.v1 import campaign_pb2, run_pb2, run_service_pb2

from tests.integration.campaigns.house import House, member


async def get(house: House, run: run_pb2.Run) -> run_pb2.Run:
    return await house.runs.GetRun(run_service_pb2.GetRunRequest(id=run.id))


class TestPlan:
    async def test_it_divides_the_audience_into_planned_and_excluded(self, house: House) -> None:
        everybody = [
            member(1),
            member(2, address="", address_key=""),
            member(3, address="not an address", address_key="not an address"),
            member(4, consented=False),
            member(5, gone=True),
            member(6, address="PERSON1@example.vn", address_key="person1@example.vn"),
            member(7, region="sg"),
        ]

        run = await get(house, await house.planned(everybody))

        assert run.state == campaign_pb2.RUN_STATE_SENDING
        assert (run.audience, run.planned, run.counts.waiting) == (7, 2, 2)
        reason = campaign_pb2.ExclusionReason
        assert {reason.Name(each.reason)[17:]: each.count for each in run.excluded} == {
            "NO_ADDRESS": 1,
            "INVALID_ADDRESS": 1,
            "NO_CONSENT": 1,
            "CONTACT_GONE": 1,
            "SHARED_ADDRESS": 1,
        }
        assert run.HasField("plan_time")
        assert (await house.events())[-1] == "RunPlanned"
        assert house.people.released == [UUID(run.id)]
