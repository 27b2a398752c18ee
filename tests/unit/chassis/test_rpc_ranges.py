"""What fails because of a time that is none is refused by the name of its field."""

import pytest
from crm.accounts.v1 import audit_service_pb2
from crm.leads.v1 import segment_service_pb2, transaction_service_pb2
from crm.notifier.v1 import suppression_service_pb2
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.errors import InvalidArgument
from chassis.rpc import ranges

NEVER = Timestamp(seconds=253_402_300_800)
BEFORE = Timestamp(seconds=-62_135_596_801)


def refused(request: Message) -> list[str]:
    with pytest.raises(InvalidArgument) as refusal, ranges.told(request):
        raise OverflowError("date value out of range")
    assert {it.description for it in refusal.value.violations} == {"is no time"}
    return [it.field for it in refusal.value.violations]


class TestTimesThatAreNone:
    @pytest.mark.parametrize("odd", [NEVER, BEFORE, Timestamp(nanos=-1)])
    def test_they_are_named(self, odd: Timestamp) -> None:
        request = audit_service_pb2.ListAuditEntriesRequest(until=odd)

        assert refused(request) == ["until"]

    def test_where_they_lie_within_others(self) -> None:
        request = suppression_service_pb2.CreateSuppressionRequest()
        request.suppression.expire_time.CopyFrom(NEVER)

        assert refused(request) == ["suppression.expire_time"]

    def test_each_of_many(self) -> None:
        request = transaction_service_pb2.IngestTransactionsRequest()
        for odd in (Timestamp(seconds=1), NEVER, BEFORE):
            request.transactions.add().time.CopyFrom(odd)

        assert refused(request) == ["transactions[1].time", "transactions[2].time"]

    def test_within_what_contains_itself(self) -> None:
        request = segment_service_pb2.CreateSegmentRequest()
        inner = request.segment.definition.conditions.add().group.conditions.add()
        getattr(inner.date, "from").CopyFrom(NEVER)

        path = "segment.definition.conditions[0].group.conditions[0].date.from"
        assert refused(request) == [path]


class TestAnythingElse:
    @pytest.mark.parametrize("failure", [ValueError, OverflowError])
    def test_a_failure_of_a_request_whose_times_are_right_stays(
        self, failure: type[Exception]
    ) -> None:
        last = Timestamp(seconds=253_402_300_799, nanos=999_999_999)
        request = audit_service_pb2.ListAuditEntriesRequest(until=last)

        with pytest.raises(failure), ranges.told(request):
            raise failure

    def test_so_does_one_that_is_no_number(self) -> None:
        with (
            pytest.raises(KeyError),
            ranges.told(audit_service_pb2.ListAuditEntriesRequest(until=NEVER)),
        ):
            raise KeyError

    def test_a_stream_of_requests_is_left_alone(self) -> None:
        with pytest.raises(ValueError, match="odd"), ranges.told(iter(())):
            raise ValueError("odd")

    def test_what_goes_well_is_not_looked_at(self) -> None:
        with ranges.told(audit_service_pb2.ListAuditEntriesRequest(until=NEVER)):
            pass
