"""Events with a person left out, and what audit entries tell on their way."""

from uuid import UUID

from crm.leads.v1 import contact_pb2, events_pb2
from crm.notifier.v1 import events_pb2 as notifier_pb2
from google.protobuf.struct_pb2 import Struct

from services import erasure_messages
from services.erasing import Person
from services.marks import Marks

HOA, LAN = b"hoa@example.vn", b"lan@example.vn"
HERS = Marks(Person((UUID(int=1),), emails=(HOA.decode(),)))


def failed(*addresses: bytes) -> bytes:
    told = [notifier_pb2.FailedAddress(address_key=it.decode()) for it in addresses]
    return notifier_pb2.AddressesFailed(addresses=told).SerializeToString()


class TestRedacted:
    def test_of_a_list_the_person_alone_is_left_out(self) -> None:
        left = erasure_messages.redacted("crm.notifier.v1.AddressesFailed", failed(HOA, LAN), HERS)

        assert left == failed(LAN)

    def test_a_list_of_the_person_alone_goes_whole(self) -> None:
        event = "crm.notifier.v1.AddressesFailed"

        assert erasure_messages.redacted(event, failed(HOA), HERS) is None

    def test_an_event_about_the_person_goes_whole(self) -> None:
        contact = contact_pb2.Contact(emails=[contact_pb2.Email(address=HOA.decode())])
        event = events_pb2.ContactCreated(contact=contact).SerializeToString()

        assert erasure_messages.redacted("crm.leads.v1.ContactCreated", event, HERS) is None

    def test_what_nobody_can_read_goes_whole(self) -> None:
        assert erasure_messages.redacted("crm.leads.v1.NotThere", b"", HERS) is None
        event = "crm.notifier.v1.AddressesFailed"
        assert erasure_messages.redacted(event, b"\xff" + HOA, HERS) is None

    def test_who_has_a_longer_address_stays(self) -> None:
        others = failed(b"le.hoa@example.vn", b"hoa@example.vn.example")

        assert erasure_messages.redacted("crm.notifier.v1.AddressesFailed", others, HERS) == others


class TestAudit:
    def test_an_entry_that_says_only_what_was_done_has_no_values(self) -> None:
        bare, full = Struct(), Struct()
        bare.update({"action": "contact.erase", "before": None, "after": None})
        full.update({"action": "contact.delete", "before": {"email": "x"}, "after": None})

        assert not erasure_messages.has_values(bare.SerializeToString())
        assert erasure_messages.has_values(full.SerializeToString())
