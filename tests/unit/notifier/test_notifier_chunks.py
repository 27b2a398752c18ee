"""Chunks as notifiers read them: columns, each with as many entries as there are recipients."""

from typing import Any
from uuid import UUID

import pytest
from crm.notifier.v1 import work_pb2

from services.notifier.messages import chunks


def chunk(**changes: Any) -> bytes:
    """Return a chunk of two recipients, or as given."""
    given: dict[str, Any] = {
        "chunk_id": bytes(16),
        "run_id": bytes(16),
        "run_date": "2026-11-21",
        "campaign_id": bytes(16),
        "channel": 1,
        "purpose": 1,
        "advertiser_id": bytes(16),
        "sender_identity_id": bytes(16),
        "variables": ["name", "ward"],
        "message_ids": bytes(15) + b"\x01" + bytes(15) + b"\x02",
        "contact_ids": bytes(15) + b"\x03" + bytes(15) + b"\x04",
        "addresses": b"Lan@thu.example\0hai@thu.example",
        "address_keys": b"lan@thu.example\0hai@thu.example",
        "time_zones": b"Asia/Ho_Chi_Minh",
        "locales": b"vi\0",
        "values": ["Lan\0Hải".encode(), "\0Bến Tre".encode()],
    }
    return work_pb2.Chunk(**(given | changes)).SerializeToString()


class TestColumns:
    def test_each_recipient_is_made_of_an_entry_of_each(self) -> None:
        lan, hai = chunks.chunk(chunk()).recipients

        assert (lan.message_id, lan.contact_id) == (UUID(int=1), UUID(int=3))
        assert (lan.address, lan.address_key) == ("Lan@thu.example", "lan@thu.example")
        assert (list(lan.values), list(hai.values)) == (["Lan", ""], ["Hải", "Bến Tre"])
        assert (lan.locale, hai.locale) == ("vi", "")

    def test_a_single_entry_is_that_of_all(self) -> None:
        recipients = chunks.chunk(chunk()).recipients

        assert {it.time_zone for it in recipients} == {"Asia/Ho_Chi_Minh"}

    def test_addresses_without_keys_are_compared_as_they_are(self) -> None:
        recipients = chunks.chunk(chunk(address_keys=b"")).recipients

        assert [it.address_key for it in recipients] == ["Lan@thu.example", "hai@thu.example"]

    def test_a_chunk_may_have_no_variables(self) -> None:
        recipients = chunks.chunk(chunk(variables=[], values=[])).recipients

        assert [list(it.values) for it in recipients] == [[], []]

    @pytest.mark.parametrize(
        "wrong",
        [
            {"message_ids": bytes(16)},
            {"message_ids": bytes(33)},
            {"contact_ids": bytes(16)},
            {"addresses": b"lan@thu.example"},
            {"addresses": b"lan@thu.example\0"},
            {"addresses": b"lan@thu.example\0\xff@thu.example"},
            {"address_keys": b"lan@thu.example"},
            {"locales": b"vi\0vi\0vi"},
            {"values": [b"Lan\0Hai"]},
            {"values": [b"Lan\0Hai", b"Ba"]},
        ],
        ids=str,
    )
    def test_columns_that_do_not_fit_make_it_unreadable(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(chunks.Unreadable):
            chunks.chunk(chunk(**wrong))

    def test_a_chunk_without_recipients_is_unreadable(self) -> None:
        nobody = {
            "message_ids": b"",
            "contact_ids": b"",
            "addresses": b"",
            "address_keys": b"",
            "values": [b"", b""],
        }

        with pytest.raises(chunks.Unreadable):
            chunks.chunk(chunk(**nobody))

    def test_recipients_in_a_form_that_is_no_more_are_not_taken_for_nobody(self) -> None:
        head = work_pb2.Chunk.FromString(chunk())
        for column in ("message_ids", "contact_ids", "addresses", "address_keys", "values"):
            head.ClearField(column)  # type: ignore[arg-type]
        recipient = b"\x0a\x10" + bytes(16)

        with pytest.raises(chunks.Unreadable):
            chunks.chunk(head.SerializeToString() + b"\x72" + bytes([len(recipient)]) + recipient)
