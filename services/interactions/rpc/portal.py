"""What customers see and do in the portal; whose it is says their token alone."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import grpc
from crm.interactions.v1 import portal_pb2, portal_service_pb2_grpc, proposal_pb2
from crm.interactions.v1 import portal_service_pb2 as pb2
from crm.interactions.v1 import proposal_service_pb2 as proposals_pb2
from google.protobuf import empty_pb2
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db
from chassis.context import require_contact
from chassis.db import idempotency
from services.interactions.domain import requests as asking
from services.interactions.domain.proposals import proposals as offers
from services.interactions.domain.requests import Asked, Kind, Request
from services.interactions.messages import portal as messages
from services.interactions.messages import proposals as proposal_messages
from services.interactions.rpc.gate import Gate
from services.interactions.rpc.portal_parts import (
    Book,
    answered,
    declined,
    exported,
    remarked,
)
from services.interactions.rpc.proposal_parts import Studio, printed, public
from services.interactions.storage import requests as kept
from services.interactions.usecases import found, portal, proposal_answers, proposal_attachments
from services.interactions.usecases import requests as usecases

Context = grpc.aio.ServicerContext[Any, Any]


class PortalServicer(portal_service_pb2_grpc.PortalServiceServicer):
    """Serves `PortalService`: each question is asked of the database with the token's contact."""

    def __init__(
        self, sessions: db.Sessions, contacts: Gate, studio: Studio, seal_key: SecretStr
    ) -> None:
        self._sessions = sessions
        self._contacts = contacts
        self._studio = studio
        self._book = Book(seal_key)

    async def ListMyProposals(
        self, request: pb2.ListMyProposalsRequest, _: Context
    ) -> pb2.ListMyProposalsResponse:
        """Lists proposals that were sent, newest first."""
        page = self._book.opened(request)
        async with self._sessions.begin() as session:
            listed = await portal.proposals(session, page.size + 1, page.after)
        shown, token = self._book.page(page, listed, request, lambda it: (it.create_time, it.id))
        return pb2.ListMyProposalsResponse(
            proposals=[messages.proposal(it) for it in shown], next_page_token=token
        )

    async def GetMyProposal(
        self, request: pb2.GetMyProposalRequest, _: Context
    ) -> proposal_pb2.PublicProposal:
        """Returns one as its link shows it."""
        async with self._sessions.begin() as session:
            return await public(session, await self._opened(session, request.id))

    async def GetMyProposalPdf(
        self, request: pb2.GetMyProposalPdfRequest, _: Context
    ) -> proposals_pb2.ProposalPdf:
        """Returns what was sent last, to be printed."""
        async with self._sessions.begin() as session:
            one = await self._opened(session, request.id)
        one.must_be(*offers.SHOWN, to="printed")
        return await printed(self._sessions, self._studio, one, one.document or {})

    async def GetMyProposalAttachment(
        self, request: pb2.GetMyProposalAttachmentRequest, _: Context
    ) -> proposal_pb2.ProposalFile:
        """Returns a file of what was sent last."""
        async with self._sessions.begin() as session:
            one = await self._opened(session, request.id)
            one.must_be(*offers.SHOWN, to="read")
            return proposal_messages.file(
                *await proposal_attachments.read(session, one, one.issue, request.name)
            )

    async def SeeMyProposal(self, request: pb2.SeeMyProposalRequest, _: Context) -> empty_pb2.Empty:
        """Notes a look."""
        wanted, mine = found.parsed(request.id, offers.RESOURCE), require_contact()
        async with self._sessions.begin() as session:
            await proposal_answers.see(session, wanted, request.issue, of=mine)
        return empty_pb2.Empty()

    async def AcceptMyProposal(
        self, request: pb2.AcceptMyProposalRequest, _: Context
    ) -> proposal_pb2.PublicProposal:
        """Accepts what was read."""
        wanted, mine = found.parsed(request.id, offers.RESOURCE), require_contact()
        name = answered(request.name)
        async with self._sessions.begin() as session:
            return await public(
                session,
                await proposal_answers.accept(session, wanted, request.issue, name, of=mine),
            )

    async def DeclineMyProposal(
        self, request: pb2.DeclineMyProposalRequest, _: Context
    ) -> proposal_pb2.PublicProposal:
        """Declines what was read."""
        wanted, mine = found.parsed(request.id, offers.RESOURCE), require_contact()
        reason = declined(request.reason)
        async with self._sessions.begin() as session:
            return await public(
                session,
                await proposal_answers.decline(session, wanted, request.issue, reason, of=mine),
            )

    async def CommentMyProposal(
        self, request: pb2.CommentMyProposalRequest, _: Context
    ) -> proposal_pb2.PublicProposal:
        """Keeps a remark."""
        wanted, mine = found.parsed(request.id, offers.RESOURCE), require_contact()
        text = remarked(request.text)
        async with self._sessions.begin() as session:

            async def comment() -> proposal_pb2.PublicProposal:
                return await public(
                    session, await proposal_answers.comment(session, wanted, text, of=mine)
                )

            return await idempotency.once(
                session, "CommentMyProposal", request, proposal_pb2.PublicProposal, comment
            )

    async def ListMyAppointments(
        self, request: pb2.ListMyAppointmentsRequest, _: Context
    ) -> pb2.ListMyAppointmentsResponse:
        """Lists calls and meetings, to come or past."""
        page = self._book.opened(request)
        async with self._sessions.begin() as session:
            listed = await portal.appointments(
                session, page.size + 1, page.after, past=request.past
            )
            shown, token = self._book.page(page, listed, request, lambda it: (it.start_time, it.id))
            asked = await kept.waiting_about(session, require_contact(), [it.id for it in shown])
        return pb2.ListMyAppointmentsResponse(
            appointments=[messages.appointment(it, asked.get(it.id)) for it in shown],
            next_page_token=token,
        )

    async def GetMyAppointment(
        self, request: pb2.GetMyAppointmentRequest, _: Context
    ) -> portal_pb2.MyAppointment:
        """Returns a call or meeting."""
        wanted = found.parsed(request.id, portal.APPOINTMENT)
        async with self._sessions.begin() as session:
            one = await portal.appointment(session, wanted)
            asked = await kept.waiting_about(session, require_contact(), [one.id])
        return messages.appointment(one, asked.get(one.id))

    async def AskForAnotherTime(
        self, request: pb2.AskForAnotherTimeRequest, _: Context
    ) -> portal_pb2.MyRequest:
        """Asks for another time of a planned one."""
        wanted, words = found.parsed(request.id, portal.APPOINTMENT), asking.words(request.text)
        contact = await self._contacts.own(require_contact())
        async with self._sessions.begin() as session:

            async def ask() -> portal_pb2.MyRequest:
                made = await usecases.ask_another_time(session, contact, wanted, words)
                return await _whole(session, made)

            return await idempotency.once(
                session, "AskForAnotherTime", request, portal_pb2.MyRequest, ask
            )

    async def ListMyRequests(
        self, request: pb2.ListMyRequestsRequest, _: Context
    ) -> pb2.ListMyRequestsResponse:
        """Lists the customer's requests, newest first."""
        page = self._book.opened(request)
        async with self._sessions.begin() as session:
            listed = await portal.requests(session, page.size + 1, page.after)
        shown, token = self._book.page(page, listed, request, lambda it: (it.create_time, it.id))
        return pb2.ListMyRequestsResponse(
            requests=[messages.request(it) for it in shown], next_page_token=token
        )

    async def GetMyRequest(
        self, request: pb2.GetMyRequestRequest, _: Context
    ) -> portal_pb2.MyRequest:
        """Returns one with its replies."""
        wanted = found.parsed(request.id, asking.RESOURCE)
        async with self._sessions.begin() as session:
            held = await kept.get(session, wanted, of=require_contact())
            return await _whole(session, found.existing(held, asking.RESOURCE, wanted))

    async def CreateMyRequest(
        self, request: pb2.CreateMyRequestRequest, _: Context
    ) -> portal_pb2.MyRequest:
        """Asks something."""
        asked = asking.question(request.subject, request.text)
        return await self._asked("CreateMyRequest", request, asked)

    async def ReplyToMyRequest(
        self, request: pb2.ReplyToMyRequestRequest, _: Context
    ) -> portal_pb2.MyRequest:
        """Replies to one."""
        wanted, words = found.parsed(request.id, asking.RESOURCE), asking.words(request.text)
        async with self._sessions.begin() as session:

            async def reply() -> portal_pb2.MyRequest:
                mine = require_contact()
                after = await usecases.reply_of_customer(session, mine, wanted, words)
                return await _whole(session, after)

            return await idempotency.once(
                session, "ReplyToMyRequest", request, portal_pb2.MyRequest, reply
            )

    async def AskForErasure(
        self, request: pb2.AskForErasureRequest, _: Context
    ) -> portal_pb2.MyRequest:
        """Asks staff to erase everything kept of the customer."""
        asked = Asked(Kind.ERASURE, text=asking.words(request.text, required=False))
        return await self._asked("AskForErasure", request, asked)

    async def ExportMyData(
        self, request: pb2.ExportMyDataRequest, _: Context
    ) -> AsyncIterator[pb2.ExportMyDataResponse]:
        """Streams proposals, appointments, requests, logged contacts and messages."""
        async with self._sessions.begin() as session:
            await portal.note_export(session)
        async for some in exported(self._sessions):
            yield pb2.ExportMyDataResponse(lines=some)

    async def _asked(self, method: str, request: Any, asked: Asked) -> portal_pb2.MyRequest:
        contact = await self._contacts.own(require_contact())
        async with self._sessions.begin() as session:

            async def ask() -> portal_pb2.MyRequest:
                return await _whole(session, await usecases.ask(session, contact, asked))

            return await idempotency.once(session, method, request, portal_pb2.MyRequest, ask)

    async def _opened(self, session: AsyncSession, wanted: str) -> offers.Proposal:
        proposal_id: UUID = found.parsed(wanted, offers.RESOURCE)
        return await proposal_answers.opened(session, proposal_id, of=require_contact())


async def _whole(session: AsyncSession, one: Request) -> portal_pb2.MyRequest:
    return messages.request(one, await kept.replies(session, one.id))
