"""Contacts read several at a time: searched, listed, and by whom."""

from typing import Any

import pytest
from crm.leads.v1 import contact_pb2
from crm.leads.v1 import contact_service_pb2 as pb

from chassis.errors import (
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
)
from tests.integration.leads.conftest import ALICE, BOB, CARE, NOBODY, SALES, Leads, user
from tests.integration.leads.contact_parts import FACEBOOK, update
from tests.integration.serving import refused


class TestReadingSeveral:
    async def test_unknown_ids_are_left_out(self, leads: Leads) -> None:
        first, second = await leads.contact(), await leads.contact()
        await leads.contact()

        request = pb.BatchGetContactsRequest(ids=[first.id, NOBODY, second.id])
        found = await leads.contacts.BatchGetContacts(request)

        assert {it.id for it in found.contacts} == {first.id, second.id}

    async def test_more_than_a_thousand_ids_are_refused(self, leads: Leads) -> None:
        with refused(ResourceExhausted, "TOO_LARGE"):
            await leads.contacts.BatchGetContacts(pb.BatchGetContactsRequest(ids=[NOBODY] * 1001))

    async def test_what_is_no_id_is_named(self, leads: Leads) -> None:
        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await leads.contacts.BatchGetContacts(pb.BatchGetContactsRequest(ids=["x"]))

        assert refusal.fields() == ["ids[0]"]


class TestSearching:
    @pytest.mark.parametrize(
        "query",
        [
            *("Đào", "dao", "ĐÀO HỒNG", "hong dao", "Hoa", "4567", "0912 34", "+84 912"),
            *("dao.hong@", "EXAMPLE.vn", "song cuu", "kh-00"),
        ],
    )
    async def test_part_of_anything_finds_it(self, leads: Leads, query: str) -> None:
        await leads.contact(
            display_name="Đào Hồng Hoa",
            phone="0912345678",
            email="Dao.Hong@Example.vn",
            company="Sông Cửu",
            reference_code="KH-007",
        )
        await leads.contact(display_name="Trần Bình", phone="0987000000")

        assert await leads.names(query=query) == ["Đào Hồng Hoa"]

    async def test_decomposed_accents_and_both_tone_styles_find_the_same(
        self, leads: Leads
    ) -> None:
        await leads.contact(display_name="Hoà")

        assert await leads.names(query="Ho\u0300a") == ["Hoà"]

    async def test_one_letter_matches_beginnings_of_words(self, leads: Leads) -> None:
        await leads.contact(display_name="Lê An")
        await leads.contact(display_name="Trần Lan")

        assert await leads.names(query="an") == ["Lê An"]

    @pytest.mark.parametrize("query", ["%", "_", "100%", "\\", "'", "a;b"])
    async def test_signs_mean_themselves(self, leads: Leads, query: str) -> None:
        await leads.contact(display_name="Lê An")

        assert await leads.names(query=query) == []

    async def test_a_query_that_is_too_long_is_refused(self, leads: Leads) -> None:
        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await leads.names(query="x" * 201)

        assert refusal.fields() == ["query"]


class TestListing:
    async def test_names_come_in_vietnamese_order(self, leads: Leads) -> None:
        for name in ("Lê Đức", "Lê Dung", "Lê Ánh", "Lê An", "Trần An", "Lê Ân", "Lê Anh"):
            await leads.contact(display_name=name)

        assert await leads.names(order=pb.CONTACT_ORDER_NAME) == [
            *("Lê An", "Trần An", "Lê Anh", "Lê Ánh", "Lê Ân", "Lê Dung", "Lê Đức")
        ]

    @pytest.mark.parametrize("order", [0, 1, 2])
    async def test_pages_show_each_once(self, leads: Leads, order: Any) -> None:
        for number in range(7):
            leads.clock.pass_(seconds=number % 2)
            await leads.contact(display_name=f"Lê {number // 2}")

        seen: list[str] = []
        request = pb.ListContactsRequest(page_size=3, order=order)
        while True:
            page = await leads.contacts.ListContacts(request)
            seen += [it.id for it in page.contacts]
            if not page.next_page_token:
                break
            request.page_token = page.next_page_token

        assert len(seen) == len(set(seen)) == 7

    async def test_the_newest_come_first(self, leads: Leads) -> None:
        for name in ("Một", "Hai", "Ba"):
            leads.clock.pass_(seconds=1)
            await leads.contact(display_name=name)

        assert await leads.names() == ["Ba", "Hai", "Một"]

    async def test_a_token_belongs_to_its_filter(self, leads: Leads) -> None:
        await leads.contact()
        await leads.contact()
        page = await leads.contacts.ListContacts(pb.ListContactsRequest(page_size=1))

        with refused(InvalidArgument, "PAGE_TOKEN_INVALID"):
            await leads.names(page_token=page.next_page_token, query="An")

    async def test_a_negative_size_is_refused(self, leads: Leads) -> None:
        with refused(InvalidArgument, "FIELDS_INVALID"):
            await leads.names(page_size=-1)

    async def test_conditions_given_together_must_all_hold(self, leads: Leads) -> None:
        right = {"source_id": FACEBOOK, "tags": ["a", "b"], "owner_ids": [ALICE]}
        await leads.contact(display_name="Đúng", **right)
        await leads.contact(display_name="Khác nguồn", tags=["a", "b"], owner_ids=[ALICE])
        await leads.contact(display_name="Thiếu nhãn", **{**right, "tags": ["a"]})
        await leads.contact(display_name="Khác người", **{**right, "owner_ids": [BOB]})
        await leads.contact(display_name="Khách", kind=2, **right)

        found = await leads.names(
            source_ids=[FACEBOOK],
            tags=["b", "a"],
            owner_ids=[ALICE],
            kind=contact_pb2.CONTACT_KIND_LEAD,
            statuses=[contact_pb2.LEAD_STATUS_NEW, contact_pb2.LEAD_STATUS_LOST],
        )

        assert found == ["Đúng"]

    async def test_an_empty_id_stands_for_none(self, leads: Leads) -> None:
        await leads.contact(display_name="Có", source_id=FACEBOOK, owner_ids=[ALICE])
        await leads.contact(display_name="Không")

        assert await leads.names(source_ids=[""]) == ["Không"]
        assert await leads.names(owner_ids=[""]) == ["Không"]
        assert await leads.names(life_stage_ids=[""]) == []
        assert len(await leads.names(owner_ids=["", ALICE])) == 2

    async def test_created_in_a_window(self, leads: Leads) -> None:
        await leads.contact(display_name="Trước")
        leads.clock.pass_(hours=1)
        start = leads.clock()
        await leads.contact(display_name="Trong")
        leads.clock.pass_(hours=1)
        await leads.contact(display_name="Sau")

        request = pb.ListContactsRequest()
        request.created_from.FromDatetime(start)
        request.created_until.FromDatetime(leads.clock())
        found = await leads.contacts.ListContacts(request)

        assert [it.display_name for it in found.contacts] == ["Trong"]


class TestRights:
    async def test_nobody_is_refused(self, leads: Leads) -> None:
        with refused(Unauthenticated, "TOKEN_MISSING"):
            await leads.as_(None).names()

    async def test_without_the_right_nothing_is_shown_or_made(self, leads: Leads) -> None:
        stranger = leads.as_(user(ALICE, segments="all"))

        with refused(PermissionDenied, "RIGHT_MISSING"):
            await stranger.names()
        with refused(PermissionDenied, "RIGHT_MISSING"):
            await stranger.contact()

    async def test_own_shows_what_one_owns(self, leads: Leads) -> None:
        await leads.contact(display_name="Của Alice", owner_ids=[BOB, ALICE], team_id=CARE)
        await leads.contact(display_name="Của Bob", owner_ids=[BOB], team_id=SALES)
        await leads.contact(display_name="Của ai")

        alice = leads.as_(user(ALICE, SALES, contacts="own"))

        assert await alice.names() == ["Của Alice"]
        assert await alice.names(query="cua") == ["Của Alice"]

    async def test_team_shows_the_team_s_and_one_s_own(self, leads: Leads) -> None:
        await leads.contact(display_name="Của Alice", owner_ids=[ALICE], team_id=CARE)
        await leads.contact(display_name="Của đội", owner_ids=[BOB], team_id=SALES)
        await leads.contact(display_name="Đội khác", team_id=CARE)

        alice = leads.as_(user(ALICE, SALES, contacts="team"))

        assert sorted(await alice.names()) == ["Của Alice", "Của đội"]

    @pytest.mark.parametrize("order", [0, 1, 2])
    @pytest.mark.parametrize(("level", "reached"), [("own", 20), ("team", 26)])
    async def test_pages_of_who_sees_little_show_each_once(
        self, leads: Leads, level: str, reached: int, order: Any
    ) -> None:
        whose = [[ALICE], [ALICE, BOB], [BOB, ALICE], [BOB, NOBODY, ALICE], [BOB], []]
        for number in range(30):
            leads.clock.pass_(seconds=number % 2)
            team = (SALES, CARE)[number // 6 % 2] if number % 6 > 0 else None
            await leads.contact(
                display_name=f"Lê {number // 2}", owner_ids=whose[number % 6], team_id=team
            )
        everybody = await leads.names(order=order)
        alice = leads.as_(user(ALICE, SALES, contacts=level))
        mine = {
            it.display_name: it
            for it in (await alice.contacts.ListContacts(pb.ListContactsRequest())).contacts
        }

        seen: list[contact_pb2.Contact] = []
        request = pb.ListContactsRequest(page_size=4, order=order)
        while True:
            page = await alice.contacts.ListContacts(request)
            seen += page.contacts
            if not page.next_page_token:
                break
            request.page_token = page.next_page_token

        assert all(ALICE in it.owner_ids or it.team_id == SALES for it in seen)
        assert len({it.id for it in seen}) == len(seen) == reached
        names = [it.display_name for it in seen]
        assert set(names) == set(mine)
        assert names == sorted(names, key=everybody.index)

    async def test_what_is_not_shown_is_missing(self, leads: Leads) -> None:
        theirs = await leads.contact(owner_ids=[BOB])
        alice = leads.as_(user(ALICE, contacts="own"))

        with refused(NotFound, "RESOURCE_MISSING"):
            await alice.contacts.GetContact(pb.GetContactRequest(id=theirs.id))
        with refused(NotFound, "RESOURCE_MISSING"):
            await update(alice, contact_pb2.Contact(id=theirs.id, company="A"), "company")
        request = pb.BatchGetContactsRequest(ids=[theirs.id])
        assert not (await alice.contacts.BatchGetContacts(request)).contacts

    async def test_what_may_be_seen_and_not_changed_is_refused(self, leads: Leads) -> None:
        theirs = await leads.contact(owner_ids=[BOB])
        alice = user(ALICE, contacts="own")
        reads_all = {"contacts": {**alice.rights["contacts"], "read": "all"}}
        caller = leads.as_(type(alice)(ALICE, "user", None, reads_all))

        with refused(PermissionDenied, "RIGHT_MISSING"):
            await update(caller, contact_pb2.Contact(id=theirs.id, company="A"), "company")
        with refused(PermissionDenied, "RIGHT_MISSING"):
            await caller.contacts.DeleteContact(pb.DeleteContactRequest(id=theirs.id))

    async def test_a_maker_who_sees_only_the_own_keeps_sight_of_it(self, leads: Leads) -> None:
        alice = leads.as_(user(ALICE, SALES, contacts="own"))

        made = await alice.contact(display_name="Mới")

        assert list(made.owner_ids) == [ALICE]
        assert made.team_id == SALES
        assert await alice.names() == ["Mới"]
