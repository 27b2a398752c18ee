"""Audiences of contacts that somebody else chose: frozen whole and once, read as all others."""

import uuid
from collections.abc import AsyncIterator

import grpc
import pytest
from crm.leads.v1 import audience_service_pb2 as pb

from chassis.errors import InvalidArgument, PermissionDenied, ResourceExhausted
from services.leads.rpc import audiences as rpc
from tests.integration.leads.audience_parts import TRANSACTIONAL, stream
from tests.integration.leads.conftest import ALICE, Leads, user
from tests.integration.serving import refused


async def parts(run_id: str, *ids: bytes) -> AsyncIterator[pb.FreezeContactsRequest]:
    yield pb.FreezeContactsRequest(run_id=run_id)
    for some in ids:
        yield pb.FreezeContactsRequest(contact_ids=some)


def raw(*ids: str) -> bytes:
    return b"".join(uuid.UUID(it).bytes for it in ids)


class TestGivenContacts:
    async def test_they_are_read_by_their_ids_with_what_they_are_now(self, leads: Leads) -> None:
        people = [await leads.contact(given_name=f"P{n}") for n in range(3)]
        ids = [people[2].id, str(uuid.UUID(int=2**128 - 1)), people[0].id]
        run = str(uuid.uuid4())

        made = await leads.audiences.FreezeContacts(parts(run, raw(*ids[:2]), raw(ids[2])))
        found = await stream(leads, run, purpose=TRANSACTIONAL)

        assert (made.id, made.size) == (run, 3)
        by_id = [people[0].id, people[2].id, ids[1]]
        assert [str(uuid.UUID(bytes=it.contact_id)) for it in found] == by_id
        assert [(it.ordinal, it.gone) for it in found] == [(1, False), (2, False), (3, True)]

    async def test_what_was_frozen_first_stays(self, leads: Leads) -> None:
        run, first = str(uuid.uuid4()), [str(uuid.uuid4()) for _ in range(2)]
        await leads.audiences.FreezeContacts(parts(run, raw(*first)))

        again = await leads.audiences.FreezeContacts(parts(run))
        other = await leads.audiences.FreezeContacts(parts(run, raw(str(uuid.uuid4()))))

        assert (again.size, other.size) == (2, 2)

    async def test_more_than_a_row_holds_are_streamed_from_anywhere(self, leads: Leads) -> None:
        run, ids = str(uuid.uuid4()), sorted(uuid.uuid4().bytes for _ in range(2_503))
        whole = b"".join(ids)

        size = (
            await leads.audiences.FreezeContacts(parts(run, whole[:16_000], whole[16_000:]))
        ).size
        rest = await stream(leads, run, after=1_999, purpose=TRANSACTIONAL)

        assert size == 2_503
        assert [it.contact_id for it in rest] == ids[1_999:]
        assert rest[0].ordinal == 2_000

    async def test_a_caller_that_fails_in_between_freezes_nobody(self, leads: Leads) -> None:
        run = str(uuid.uuid4())

        async def broken() -> AsyncIterator[pb.FreezeContactsRequest]:
            yield pb.FreezeContactsRequest(run_id=run, contact_ids=uuid.uuid4().bytes)
            raise ConnectionError

        with pytest.raises((grpc.aio.AioRpcError, ConnectionError, BaseException)):
            await leads.audiences.FreezeContacts(broken())

        made = await leads.audiences.FreezeContacts(parts(run, uuid.uuid4().bytes * 1))
        assert made.size == 1

    async def test_what_is_wrong_is_refused(
        self, leads: Leads, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = str(uuid.uuid4())
        with refused(InvalidArgument, "FIELDS_INVALID"):
            await leads.audiences.FreezeContacts(parts("x"))
        with refused(InvalidArgument, "FIELDS_INVALID"):
            await leads.audiences.FreezeContacts(parts(run, b"short"))
        monkeypatch.setattr(rpc, "MAX_FROZEN", 1)
        with refused(ResourceExhausted, "TOO_LARGE"):
            await leads.audiences.FreezeContacts(parts(run, bytes(32)))
        with refused(PermissionDenied, "RIGHT_MISSING"):
            await leads.as_(user(ALICE, segments="all")).audiences.FreezeContacts(parts(run))
