"""Contacts taken away as a file: whose, which, with what, and what is noted of it."""

from dataclasses import replace
from typing import Any

import pytest
from crm.leads.v1 import contact_line_pb2, contact_pb2
from crm.leads.v1 import contact_service_pb2 as pb
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp

from chassis import db
from chassis.context import Principal
from chassis.db import outbox
from chassis.errors import InvalidArgument, PermissionDenied, Unauthenticated
from services.leads.rpc import contacts as rpc
from tests.integration.leads.conftest import ALICE, BOB, CARE, SALES, Leads, user
from tests.integration.leads.contact_parts import FACEBOOK, a_person, exported, update
from tests.integration.serving import refused

Line = contact_line_pb2.ContactLine


async def names(leads: Leads, **wanted: Any) -> list[str]:
    return [it.display_name for it in await exported(leads, **wanted)]


async def noted(leads: Leads) -> list[dict[str, Any]]:
    """The audit entries of files, oldest first."""
    async with leads.sessions.begin() as session:
        rows = await outbox.take(session, outbox.Class.AUDIT, 1_000)
    entries = [Struct.FromString(it.payload) for it in rows]
    return [dict(it) for it in entries if it["action"] == "contact.export"]


def clerk(read: str, export: str, subject: str = ALICE, team: str | None = SALES) -> Principal:
    return Principal(subject, "user", team, {"contacts": {"read": read, "export": export}})


@pytest.fixture
async def everybody(leads: Leads) -> Leads:
    """Contacts of Alice, of her team, of another team, and of nobody."""
    await leads.contact(display_name="Của An", owner_ids=[ALICE], team_id=CARE)
    await leads.contact(display_name="Của nhóm", owner_ids=[BOB], team_id=SALES)
    await leads.contact(display_name="Nhóm khác", owner_ids=[BOB], team_id=CARE)
    await leads.contact(display_name="Không ai")
    return leads


class TestReach:
    @pytest.mark.parametrize(
        ("read", "export", "found"),
        [
            ("all", "all", ["Không ai", "Nhóm khác", "Của nhóm", "Của An"]),
            ("all", "team", ["Của nhóm", "Của An"]),
            ("team", "all", ["Của nhóm", "Của An"]),
            ("all", "own", ["Của An"]),
            ("own", "team", ["Của An"]),
        ],
    )
    async def test_it_is_the_lesser_of_reading_and_exporting(
        self, everybody: Leads, read: str, export: str, found: list[str]
    ) -> None:
        assert await names(everybody.as_(clerk(read, export))) == found

    @pytest.mark.parametrize(("read", "export"), [("all", "none"), ("none", "all")])
    async def test_without_either_right_it_is_refused_and_nothing_noted(
        self, everybody: Leads, read: str, export: str
    ) -> None:
        with refused(PermissionDenied, "RIGHT_MISSING"):
            await exported(everybody.as_(clerk(read, export)))
        with refused(Unauthenticated, "TOKEN_MISSING"):
            await exported(everybody.as_(None))

        assert await noted(everybody) == []

    async def test_nobody_takes_more_than_a_list_shows(self, everybody: Leads) -> None:
        seller = everybody.as_(user(BOB, CARE, contacts="team"))

        assert await names(seller) == await seller.names()


class TestWhatIsAskedFor:
    async def test_it_is_asked_for_as_in_a_list(self, leads: Leads) -> None:
        mine = await leads.contact(display_name="Lê An", tags=["VIP"], source_id=FACEBOOK)
        await leads.contact(display_name="Trần An", tags=["VIP"])
        await leads.contact(display_name="Lê Bình", owner_ids=[ALICE])
        until = Timestamp(seconds=mine.create_time.seconds + 1)

        assert await names(leads, query="an", tags=["VIP"], source_ids=[FACEBOOK]) == ["Lê An"]
        assert await names(leads, owner_ids=[ALICE]) == ["Lê Bình"]
        assert await names(leads, owner_ids=[""], query="tran") == ["Trần An"]
        assert await names(leads, kind=contact_pb2.CONTACT_KIND_CUSTOMER) == []
        assert len(await names(leads, created_until=until)) == 3
        assert await names(leads, created_from=until) == []

    async def test_what_is_wrong_is_named(self, leads: Leads) -> None:
        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await exported(leads, owner_ids=["x"], query="q" * 201, kind=9, statuses=[0])

        assert set(refusal.fields()) == {"owner_ids[0]", "query", "kind", "statuses[0]"}
        assert await noted(leads) == []

    async def test_nobody_there_is_no_line_and_an_entry(self, leads: Leads) -> None:
        assert await exported(leads) == []

        (entry,) = await noted(leads)
        assert dict(entry["after"]) == {"contacts": 0}


class TestWhatIsNoted:
    async def test_who_asked_for_what_and_how_many_there_were(self, everybody: Leads) -> None:
        await names(everybody.as_(clerk("all", "team")), query="cua 0912", statuses=[1])
        await names(everybody, owner_ids=[BOB, ""], kind=contact_pb2.CONTACT_KIND_LEAD)

        searched, listed = await noted(everybody)
        assert searched["actor"]["subject"] == ALICE
        assert (searched["subject_type"], searched["subject_id"]) == ("contacts", "file")
        # What was searched for is somebody's name or number.
        assert dict(searched["after"]) == {"query": "filled", "statuses": ["new"], "contacts": 0}
        after = dict(listed["after"])
        assert (after["kind"], after["contacts"]) == ("lead", 3)
        assert list(after["owner_ids"]) == [BOB, ""]


class TestHidden:
    async def test_cells_of_what_is_hidden_are_empty(self, leads: Leads) -> None:
        await leads.contacts.CreateContact(pb.CreateContactRequest(contact=a_person()))
        hidden = ("phones", "emails", "birthday", "address", "description")
        reader = replace(
            user(ALICE, contacts="all"), hidden=frozenset(f"contacts.{it}" for it in hidden)
        )

        (line,) = await exported(leads.as_(reader))
        (whole,) = await exported(leads)

        missing = {it.name for it in Line.DESCRIPTOR.fields if getattr(whole, it.name)} - {
            it.name for it in Line.DESCRIPTOR.fields if getattr(line, it.name)
        }
        assert missing == {
            *("phone", "phone_2", "email", "birthday", "street", "ward", "province"),
            *("country_code", "description"),
        }
        assert line.display_name == "Nguyễn Thị Minh Khai"

    async def test_nobody_finds_by_it(self, leads: Leads) -> None:
        await leads.contact(display_name="Đào", phone="0912345678")
        reader = replace(user(ALICE, contacts="all"), hidden=frozenset({"contacts.phones"}))

        assert await names(leads, query="0912345678") == ["Đào"]
        assert await names(leads.as_(reader), query="0912345678") == []


class TestTheLine:
    async def test_it_has_what_a_contact_has(self, leads: Leads) -> None:
        made = await leads.contacts.CreateContact(pb.CreateContactRequest(contact=a_person()))

        (line,) = await exported(leads)

        assert (line.phone, line.phone_2, line.email) == (
            "+16502530000",  # the primary one
            "+84912345678",
            "Minh.Khai@example.com",
        )
        assert (line.birthday, line.gender) == ("29/02", contact_pb2.GENDER_FEMALE)
        assert (line.ward, line.province, line.country_code) == (
            "Phường Ba Đình",
            "Thành phố Hà Nội",
            "VN",
        )
        assert (line.source, line.life_stage) == ("Facebook", "Mới lưu")
        assert (line.tags, line.external_ids) == ("VIP; thân thiết", "pos:77")
        assert (line.owner_ids, line.team_id) == (ALICE, SALES)
        assert (line.reference_code, line.description) == (made.reference_code, "dòng 1\ndòng 2")
        assert line.create_time == made.create_time

    async def test_a_full_date_and_many_addresses(self, leads: Leads) -> None:
        await leads.contact(
            birthday=contact_pb2.PartialDate(year=1990, month=12, day=31),
            emails=[contact_pb2.Email(address=f"{it}@x.vn") for it in "abcd"],
        )

        (line,) = await exported(leads)

        assert line.birthday == "1990-12-31"
        assert (line.email, line.email_2, line.email_3) == ("a@x.vn", "b@x.vn", "c@x.vn; d@x.vn")


class TestAStream:
    @pytest.fixture(autouse=True)
    def small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rpc, "_BATCH", 2)

    async def test_each_comes_once_whatever_changes_meanwhile(self, leads: Leads) -> None:
        made = [await leads.contact(display_name=f"Số {it}") for it in range(7)]
        parts = leads.contacts.ExportContacts(pb.ExportContactsRequest())
        first = await parts.read()

        await leads.contact(display_name="Mới đến")
        for each in made:
            each.display_name += " sửa"
            await update(leads, each, "display_name")
        rest = [it.display_name async for part in parts for it in part.contacts]

        assert [it.display_name for it in first.contacts] == ["Số 6", "Số 5"]
        assert [it.removesuffix(" sửa") for it in rest] == [f"Số {it}" for it in (4, 3, 2, 1, 0)]

    async def test_one_that_is_given_up_holds_nothing(self, leads: Leads) -> None:
        for it in range(7):
            await leads.contact(display_name=f"Số {it}")
        parts = leads.contacts.ExportContacts(pb.ExportContactsRequest())
        await parts.read()

        parts.cancel()

        # The pool is made for far fewer than these, one after the other.
        for _ in range(30):
            given_up = leads.contacts.ExportContacts(pb.ExportContactsRequest())
            await given_up.read()
            given_up.cancel()
        assert len(await names(leads)) == 7
        engine: Any = db.engine(leads.sessions)
        assert engine.pool.checkedout() == 0
