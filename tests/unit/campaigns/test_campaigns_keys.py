"""The key of a message: the same for the same run and address, and for nothing else."""

import hashlib
import hmac
from uuid import RFC_4122, UUID

from hypothesis import given
from hypothesis import strategies as st

from services.campaigns.domain import keys
from services.campaigns.domain.kinds import Channel

KEY = bytes(range(32))


CONTACT = bytes.fromhex("019a0b0c0d0e7f001122334455667788")


class TestMessageId:
    def test_it_is_known_for_a_known_person(self) -> None:
        found = keys.message_id(KEY, Channel.SMS, CONTACT, "+84912345678")

        digest = hmac.new(KEY, b"SMS|+84912345678", hashlib.sha256).hexdigest()[:32]
        mask = hmac.new(KEY, b"SMS|", hashlib.sha256).digest()
        begin = bytes(each ^ mask[at] for at, each in enumerate(CONTACT[:3])) + CONTACT[3:6]
        assert found == UUID(begin.hex() + "8" + digest[13:16] + _variant(digest) + digest[17:])

    @given(
        st.binary(min_size=32, max_size=32),
        st.sampled_from(Channel),
        st.binary(min_size=16, max_size=16),
        st.text(max_size=300),
    )
    def test_it_is_a_uuid_of_version_8(
        self, key: bytes, channel: Channel, contact: bytes, address: str
    ) -> None:
        try:
            address.encode()
        except UnicodeEncodeError:
            return
        found = keys.message_id(key, channel, contact, address)

        assert (found.version, found.variant) == (8, RFC_4122)
        assert found == keys.message_id(key, channel, contact, address)
        three = keys.message_ids(key, channel)([bytes(16), contact, bytes(16)], ["x", address, "y"])
        assert found.bytes == three[1]

    def test_another_run_channel_contact_or_address_makes_another(self) -> None:
        found = {
            keys.message_id(KEY, Channel.SMS, CONTACT, "a"),
            keys.message_id(KEY[::-1], Channel.SMS, CONTACT, "a"),
            keys.message_id(KEY, Channel.EMAIL, CONTACT, "a"),
            keys.message_id(KEY, Channel.SMS, CONTACT, "b"),
            keys.message_id(KEY, Channel.SMS, bytes(16), "a"),
        }

        assert len(found) == 5

    def test_its_end_tells_the_address_whoever_has_it(self) -> None:
        one = keys.message_id(KEY, Channel.SMS, CONTACT, "a")
        other = keys.message_id(KEY, Channel.SMS, bytes(16), "a")

        assert one.bytes[6:] == other.bytes[6:]

    def test_messages_of_people_who_came_one_after_another_are_in_order(self) -> None:
        # UUIDv7 begin with milliseconds since 1970.
        contacts = [n.to_bytes(6) + bytes([0x70, *range(9)]) for n in range(2**40, 2**40 + 200)]

        found = keys.message_ids(KEY, Channel.EMAIL)(contacts, [str(n) for n in range(200)])

        assert found == sorted(found)

    def test_a_run_key_is_random(self) -> None:
        assert len({keys.new_run_key() for _ in range(100)}) == 100
        assert len(keys.new_run_key()) == 32


def _variant(digest: str) -> str:
    return f"{int(digest[16], 16) & 0b0011 | 0b1000:x}"
