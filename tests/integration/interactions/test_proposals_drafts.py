"""Proposals before they are sent: templates and their versions, drafts, rights, prices."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from crm.interactions.v1 import proposal_pb2
from crm.interactions.v1 import proposal_service_pb2 as pb2
from google.protobuf.field_mask_pb2 import FieldMask

from chassis import errors
from tests.integration.interactions.house import person
from tests.integration.interactions.proposal_parts import Desk, day
from tests.integration.serving import refused

pytestmark = pytest.mark.timeout(300)


async def rewrite(desk: Desk, template: Any, *texts: str, etag: str = "") -> Any:
    blocks = [proposal_pb2.ProposalBlock(text=it) for it in texts]
    given = proposal_pb2.ProposalTemplate(id=template.id, blocks=blocks, etag=etag)
    return await desk.templates().UpdateProposalTemplate(
        pb2.UpdateProposalTemplateRequest(template=given)
    )


async def update(desk: Desk, who: Any = None, **given: Any) -> Any:
    paths = sorted(given.keys() - {"id", "etag"})
    request = pb2.UpdateProposalRequest(
        proposal=proposal_pb2.Proposal(**given), update_mask=FieldMask(paths=paths)
    )
    return await desk.proposals(who or person()).UpdateProposal(request)


class TestTemplates:
    async def test_a_change_is_a_new_version_and_the_old_one_stays(self, desk: Desk) -> None:
        first = await desk.write("Mẫu", "một")

        second = await rewrite(desk, first, "hai", etag=first.etag)
        same = await rewrite(desk, first, "hai")
        old = await desk.templates().GetProposalTemplate(
            pb2.GetProposalTemplateRequest(id=first.id, version=1)
        )

        assert (first.version, second.version, same.version) == (1, 2, 2)
        assert (old.blocks[0].text, second.blocks[0].text) == ("một", "hai")

    async def test_a_stale_change_is_refused(self, desk: Desk) -> None:
        first = await desk.write("Mẫu", "một")
        await rewrite(desk, first, "hai")

        with refused(errors.Aborted, "ETAG_STALE"):
            await rewrite(desk, first, "ba", etag=first.etag)

    async def test_two_have_not_the_same_name(self, desk: Desk) -> None:
        await desk.write("Mẫu")

        with refused(errors.AlreadyExists, "RESOURCE_EXISTS"):
            await desk.write("Mẫu")

    async def test_one_that_fails_for_somebody_is_refused_with_its_place(self, desk: Desk) -> None:
        with refused(errors.InvalidArgument, "TEMPLATE_REFUSED") as refusal:
            await desk.write("Mẫu", "ổn", "{{ secret }}")

        assert refusal.fields() == ["template.blocks[1].text"]
        assert await desk.rows("SELECT count(*) FROM proposal_templates") == [0]

    async def test_who_only_writes_proposals_writes_no_template(self, desk: Desk) -> None:
        request = pb2.CreateProposalTemplateRequest(template=proposal_pb2.ProposalTemplate())

        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await desk.templates(person()).CreateProposalTemplate(request)

    async def test_they_are_listed_by_name_a_page_at_a_time(self, desk: Desk) -> None:
        for name in ("B", "A", "C"):
            await desk.write(name)
        ask = pb2.ListProposalTemplatesRequest

        first = await desk.templates(person()).ListProposalTemplates(ask(page_size=2))
        rest = await desk.templates(person()).ListProposalTemplates(
            ask(page_size=2, page_token=first.next_page_token)
        )

        assert [it.name for it in [*first.templates, *rest.templates]] == ["A", "B", "C"]
        assert not rest.next_page_token

    async def test_a_look_at_it_has_sample_values(self, desk: Desk) -> None:
        template = proposal_pb2.ProposalTemplate(
            blocks=[proposal_pb2.ProposalBlock(text="Chào {{ display_name }}")]
        )
        request = pb2.PreviewProposalTemplateRequest(template=template)

        preview = await desk.templates(person()).PreviewProposalTemplate(request)

        assert "Chào Nguyễn Thị Minh Khai" in preview.html


class TestDrafts:
    async def test_what_was_not_said_is_filled_in_and_prices_are_exact(self, desk: Desk) -> None:
        me = person(team=str(uuid4()))

        made = await desk.draft(me)

        assert (made.state, made.number, made.issue) == (proposal_pb2.PROPOSAL_STATE_DRAFT, "", 0)
        assert (made.currency, made.locale, made.template_version) == ("VND", "vi", 1)
        assert (made.owner_id, made.team_id, made.creator_id) == (
            me.subject,
            me.team_id,
            me.subject,
        )
        assert [it.net for it in made.lines] == [1_000_000, 108_000]
        assert (made.totals.net, made.totals.vat, made.totals.total) == (
            *(1_108_000, 80_000, 1_188_000),
        )
        assert await desk.get(made.id, me) == made
        assert not made.link

    async def test_every_bad_field_is_named_at_once_and_nothing_is_kept(self, desk: Desk) -> None:
        desk.template = await desk.write()

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await desk.draft(
                title=" ",
                address="nobody",
                template_id="x",
                currency="XXX",
                valid_until="2026-02-30",
                remind_days_before=61,
                locale="fr",
                contact_id=str(uuid4()),
                lines=[proposal_pb2.ProposalLine(description="a", quantity="0")],
            )

        assert set(refusal.fields()) == {
            f"proposal.{name}"
            for name in (
                *("title", "address", "template_id", "currency", "valid_until", "locale"),
                *("remind_days_before", "lines[0].quantity", "contact_id"),
            )
        }
        assert await desk.rows("SELECT count(*) FROM proposals") == [0]

    async def test_a_template_that_is_not_there_is_named(self, desk: Desk) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await desk.draft(template_id=str(uuid4()))
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as version:
            await desk.draft(template_version=7)

        assert refusal.fields() == ["proposal.template_id"]
        assert version.fields() == ["proposal.template_version"]

    async def test_the_same_request_makes_one(self, desk: Desk) -> None:
        desk.template = await desk.write()
        request = pb2.CreateProposalRequest(proposal=desk.given(), request_id=str(uuid4()))

        both = [await desk.proposals().CreateProposal(request) for _ in range(2)]

        assert both[0] == both[1]
        assert await desk.rows("SELECT count(*) FROM proposals") == [1]

    async def test_it_keeps_the_version_that_it_was_written_with(self, desk: Desk) -> None:
        made = await desk.draft()
        await rewrite(desk, desk.template, "mới")

        changed = await update(desk, id=made.id, title="Khác")
        newest = await update(desk, id=made.id, template_id=desk.template.id)

        assert (changed.title, changed.template_version) == ("Khác", 1)
        assert newest.template_version == 2

    async def test_a_change_of_lines_is_priced_anew(self, desk: Desk) -> None:
        made = await desk.draft()
        line = proposal_pb2.ProposalLine(description="x", quantity="0.5", unit_price=3)

        changed = await update(desk, id=made.id, lines=[line], currency="USD")

        assert (changed.totals.total, len(changed.lines)) == (2, 1)

    async def test_a_stale_change_is_refused(self, desk: Desk) -> None:
        made = await desk.draft()
        await update(desk, id=made.id, title="Một")

        with refused(errors.Aborted, "ETAG_STALE"):
            await update(desk, id=made.id, title="Hai", etag=made.etag)

    async def test_it_is_deleted_only_before_it_has_a_number(self, desk: Desk) -> None:
        spare, sent = await desk.draft(), await desk.sent()
        await desk.proposals().ReviseProposal(pb2.ReviseProposalRequest(id=sent.id))

        await desk.proposals().DeleteProposal(pb2.DeleteProposalRequest(id=spare.id))
        with refused(errors.FailedPrecondition, "STATE_FORBIDS"):
            await desk.proposals().DeleteProposal(pb2.DeleteProposalRequest(id=sent.id))

        assert await desk.rows("SELECT number FROM proposals") == [sent.number]


class TestRights:
    async def test_others_see_none_of_mine_with_a_right_to_their_own(self, desk: Desk) -> None:
        mine = await desk.draft(person("own"))
        other = person("own")
        listed = await desk.proposals(other).ListProposals(pb2.ListProposalsRequest())

        assert not listed.proposals
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await desk.get(mine.id, other)
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await update(desk, other, id=mine.id, title="x")

    async def test_who_may_read_all_may_not_change_all(self, desk: Desk) -> None:
        mine, reader = await desk.draft(), person("all")
        reader.rights["proposals"]["write"] = "own"  # type: ignore[index]

        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await update(desk, reader, id=mine.id, title="x")

    async def test_a_contact_of_others_is_no_contact(self, desk: Desk) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await desk.draft(person("own"), contact_id=desk.contact(str(uuid4())).id)

        assert refusal.fields() == ["proposal.contact_id"]

    async def test_lists_are_filtered_and_paged_newest_first(self, desk: Desk) -> None:
        contact = desk.contact()
        wanted = [(await desk.draft(contact_id=contact.id)).id for _ in range(3)]
        await desk.draft()
        ask = pb2.ListProposalsRequest
        states = [proposal_pb2.PROPOSAL_STATE_DRAFT]

        first = await desk.proposals().ListProposals(
            ask(contact_id=contact.id, states=states, page_size=2)
        )
        rest = await desk.proposals().ListProposals(
            ask(
                contact_id=contact.id,
                states=states,
                page_size=2,
                page_token=first.next_page_token,
            )
        )

        assert [it.id for it in [*first.proposals, *rest.proposals]] == wanted[::-1]


class TestPreview:
    async def test_totals_come_without_rendering(self, desk: Desk) -> None:
        desk.template = await desk.write()
        request = pb2.PreviewProposalRequest(proposal=desk.given(), totals_only=True)

        preview = await desk.proposals(person()).PreviewProposal(request)

        assert (preview.totals.total, preview.html) == (1_188_000, "")
        assert [it.discount for it in preview.lines] == [0, 12_000]

    async def test_it_shows_the_contact_and_stores_nothing(self, desk: Desk) -> None:
        desk.template = await desk.write("Mẫu", "Chào {{ display_name }}, {{ total }}")
        me = person()
        given = desk.given(contact_id=desk.contact().id)

        preview = await desk.proposals(me).PreviewProposal(
            pb2.PreviewProposalRequest(proposal=given)
        )

        assert "Chào Nguyễn Thị Đào, 1.188.000 ₫" in preview.html
        assert set(desk.leads.asked_for) == {me.subject}
        assert await desk.rows("SELECT count(*) FROM proposals") == [0]

    async def test_a_draft_can_be_printed(self, desk: Desk) -> None:
        made = await desk.draft()

        pdf = await desk.proposals().GetProposalPdf(pb2.GetProposalPdfRequest(id=made.id))

        assert (pdf.data[:5], pdf.file_name) == (b"%PDF-", "draft.pdf")


class TestNumbers:
    async def test_they_have_no_gap_however_many_are_sent_at_once(self, desk: Desk) -> None:
        drafts = [await desk.draft() for _ in range(6)]
        late = await desk.draft(valid_until=day(-1))

        async def fails() -> None:
            with refused(errors.InvalidArgument, "FIELDS_INVALID"):
                await desk.send(late)

        await asyncio.gather(*(desk.send(it) for it in drafts), fails())

        year = datetime.now(UTC).year
        numbers = await desk.rows("SELECT number FROM proposals WHERE number <> '' ORDER BY number")
        assert numbers == [f"BG-{year}-{at:05d}" for at in range(1, 7)]
