"""A person is found in bytes by ids and whole addresses, and nobody else is."""

from uuid import UUID

import pytest
from crm.leads.v1 import contact_pb2
from crm.notifier.v1 import work_pb2
from google.protobuf.struct_pb2 import Struct

from services.erasing import Person
from services.marks import Marks

HOA, NOTE = UUID(int=2), "01980000-0000-7000-8000-000000000003"
HASH = "d6" * 16
AN = Marks(
    Person(
        (HOA,),
        emails=("an@gmail.com",),
        phones=("+84912345678",),
        spellings=("0912345678",),
        names=("Lê An",),
        subjects=frozenset({("note", NOTE), ("address", HASH), ("note", "n1")}),
    )
)


def contact(**values: object) -> bytes:
    return contact_pb2.Contact(**values).SerializeToString()  # type: ignore[arg-type]


class TestAddresses:
    @pytest.mark.parametrize(
        ("address", "is_theirs"),
        [
            ("an@gmail.com", True),
            ("An@Gmail.com", True),
            ("tuan@gmail.com", False),
            ("le.an@gmail.com", False),
            ("đan@gmail.com", False),
            ("an@gmail.com.vn", False),
            ("an@gmail.community", False),
        ],
    )
    def test_one_is_compared_whole(self, address: str, is_theirs: bool) -> None:
        told = contact(emails=[contact_pb2.Email(address=address)], reference_code="KH-1")

        assert AN.tell(told) is is_theirs

    @pytest.mark.parametrize(
        ("number", "is_theirs"),
        [
            ("+84912345678", True),
            ("0912345678", True),
            ("0912345678 9", True),
            ("00912345678", False),
            ("09123456789", False),
        ],
    )
    def test_a_number_is_no_part_of_a_longer_one(self, number: str, is_theirs: bool) -> None:
        assert AN.tell(contact(phones=[contact_pb2.Phone(number=number)])) is is_theirs

    # Lengths of 48 to 122 and the tags of most fields are letters and digits as bytes.
    @pytest.mark.parametrize("length", [36, 45, 53, 88, 110, 120, 300])
    def test_lengths_and_tags_around_one_are_no_part_of_it(self, length: int) -> None:
        before = "x" * (length - 1)

        assert AN.tell(contact(description=f"{before} an@gmail.com", time_zone="B"))
        assert AN.tell(contact(description=f"an@gmail.com {before}", time_zone="B"))

    def test_columns_of_a_chunk_have_them_one_behind_another(self) -> None:
        hers = work_pb2.Chunk(addresses=b"lan@gmail.com\0an@gmail.com\0b@x.vn")
        others = work_pb2.Chunk(addresses=b"lan@gmail.com\0tuan@gmail.com")

        assert AN.tell(hers.SerializeToString())
        assert not AN.tell(others.SerializeToString())

    def test_what_is_no_message_is_a_text(self) -> None:
        assert AN.tell(b'{"to": "an@gmail.com"}')
        assert not AN.tell(b'{"to": "tuan@gmail.com"}')

    def test_a_name_is_nobodys(self) -> None:
        assert not AN.tell("Lê An".encode())


class TestIds:
    @pytest.mark.parametrize(
        "data", [str(HOA).encode(), b"x" + HOA.bytes, NOTE.encode(), HASH.encode()]
    )
    def test_what_was_theirs_is_found(self, data: bytes) -> None:
        assert AN.identify(data)

    def test_in_an_audit_entry_too(self) -> None:
        entry = Struct()
        entry.update({"subject_type": "note", "subject_id": NOTE})

        assert AN.identify(entry.SerializeToString())
        assert not AN.address(entry.SerializeToString())

    def test_what_is_too_short_to_be_an_id_is_none(self) -> None:
        assert not AN.identify(b"n1")

    def test_many_are_found_as_fast_as_one(self) -> None:
        ids = frozenset(("note", str(UUID(int=it))) for it in range(20_000))
        many = Marks(Person((HOA,), subjects=ids))

        assert many.identify(str(UUID(int=19_999)).encode())
        assert not many.identify(str(UUID(int=20_000)).encode() * 1_000)


class TestNobody:
    def test_without_addresses_no_text_is_theirs(self) -> None:
        assert not Marks(Person((HOA,), emails=("",))).address(b"anything")
