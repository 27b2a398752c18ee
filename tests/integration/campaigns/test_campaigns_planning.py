"""A run's plan: who gets a message, who does not and why, whoever is killed meanwhile."""

from uuid import UUID, uuid4

import pytest
from crm.campaigns.v1 import campaign_pb2, template_pb2
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from services.campaigns.domain import keys
from services.campaigns.domain.kinds import Channel
from tests.integration.campaigns.house import House, member
from tests.integration.campaigns.run_parts import packed


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

        run = await house.get(await house.planned(everybody))

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

    async def test_every_row_keeps_what_the_person_was(self, house: House) -> None:
        await house.planned([member(1, values=["Đào 🌸"]), member(2, gone=True)])

        rows = await house.rows(
            "SELECT ordinal, state, reason, address, region, message_id IS NULL "
            "FROM recipients ORDER BY ordinal"
        )
        assert rows == [
            (1, "PLANNED", "", "Person1@example.vn", "vn", False),
            (2, "EXCLUDED", "CONTACT_GONE", "Person2@example.vn", "vn", True),
        ]
        (chunk,) = await packed(house)
        assert chunk.addresses == b"Person1@example.vn"
        assert chunk.address_keys == b"person1@example.vn"
        assert (chunk.time_zones, chunk.locales) == (b"Asia/Ho_Chi_Minh", b"vi")
        assert list(chunk.values) == ["Đào 🌸".encode()]

    async def test_a_message_id_is_made_of_key_contact_and_address(self, house: House) -> None:
        await house.planned([member(1)])

        ((found, key, contact),) = await house.rows(
            "SELECT message_id, key, contact_id FROM recipients JOIN runs ON runs.id = run_id"
        )
        wanted = keys.message_id(key, Channel.EMAIL, contact.bytes, "person1@example.vn")  # type: ignore[arg-type,attr-defined]
        assert found == wanted

    async def test_an_address_shared_across_batches_gets_one_message(self, house: House) -> None:
        house.people.batch = 10
        people = [member(n) for n in range(1, 26)]
        twins = [member(n + 25, address_key=f"person{n}@example.vn") for n in range(1, 26)]

        run = await house.get(await house.planned([*people, *twins]))

        assert (run.audience, run.planned) == (50, 25)
        assert [each.count for each in run.excluded] == [25]
        assert run.excluded[0].reason == campaign_pb2.EXCLUSION_REASON_SHARED_ADDRESS

    async def test_transactional_messages_need_no_consent(self, house: House) -> None:
        purpose = template_pb2.PURPOSE_TRANSACTIONAL

        run = await house.planned([member(1, consented=False)], purpose=purpose)

        assert (await house.get(run)).planned == 1

    async def test_phones_are_planned_for_sms(self, house: House) -> None:
        template = await house.template(
            channel=template_pb2.CHANNEL_SMS, subject="", html="", text="Chào {{ display_name }}"
        )
        number = "+84912345678"

        run = await house.planned(
            [
                member(1, address=number, address_key=number),
                member(2, address="0912345678", address_key="0912345678"),
            ],
            channel=template_pb2.CHANNEL_SMS,
            template_id=template.id,
        )

        assert (await house.get(run)).planned == 1

    async def test_values_are_cut_to_what_templates_were_admitted_with(self, house: House) -> None:
        await house.planned([member(1, values=["x" * 5_000])])

        (chunk,) = await packed(house)
        assert list(chunk.values) == [b"x" * 200]

    async def test_the_database_itself_refuses_a_second_message_to_an_address(
        self, house: House
    ) -> None:
        await house.planned([member(1), member(2)])

        with pytest.raises(IntegrityError):
            async with house.sessions.begin() as session:
                # An address of a run has one message id, whoever has the address.
                await session.execute(
                    text(
                        "UPDATE recipients SET message_id = (SELECT min(message_id::text)::uuid "
                        "FROM recipients)"
                    )
                )


class TestPartitions:
    async def test_a_run_writes_into_the_partition_of_its_date(self, house: House) -> None:
        run = await house.planned([member(1)])

        ((name,),) = await house.rows("SELECT tableoid::regclass::text FROM recipients")
        assert name == f"recipients_{run.run_date.replace('-', '')}"

    async def test_request_ids_do_not_share_runs(self, house: House) -> None:
        campaign = await house.campaign()
        house.people.members = [member(1)]
        request_id = str(uuid4())

        first = await house.start(campaign.id, request_id)
        again = await house.start(campaign.id, request_id)

        assert first == again
        assert await house.rows("SELECT count(*) FROM runs") == [(1,)]
