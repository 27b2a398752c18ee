"""The key of a message: the same for the same run and address, and for nothing else."""

import hashlib
import hmac
from uuid import RFC_4122, UUID

from hypothesis import given
from hypothesis import strategies as st

from services.campaigns.domain import keys
from services.campaigns.domain.kinds import Channel

KEY = bytes(range(32))


class TestMessageId:
    def test_it_is_known_for_a_known_address(self) -> None:
        found = keys.message_id(KEY, Channel.SMS, "+84912345678")

        digest = hmac.new(KEY, b"SMS|+84912345678", hashlib.sha256).hexdigest()[:32]
        assert found == UUID(digest[:12] + "8" + digest[13:16] + _variant(digest) + digest[17:])

    @given(st.binary(min_size=32, max_size=32), st.sampled_from(Channel), st.text(max_size=300))
    def test_it_is_a_uuid_of_version_8(self, key: bytes, channel: Channel, address: str) -> None:
        try:
            address.encode()
        except UnicodeEncodeError:
            return
        found = keys.message_id(key, channel, address)

        assert (found.version, found.variant) == (8, RFC_4122)
        assert found == keys.message_id(key, channel, address)
        assert found.bytes == keys.message_ids(key, channel)(["x", address, "y"])[1]

    def test_another_run_channel_or_address_makes_another(self) -> None:
        found = {
            keys.message_id(KEY, Channel.SMS, "a"),
            keys.message_id(KEY[::-1], Channel.SMS, "a"),
            keys.message_id(KEY, Channel.EMAIL, "a"),
            keys.message_id(KEY, Channel.SMS, "b"),
        }

        assert len(found) == 4

    def test_a_run_key_is_random(self) -> None:
        assert len({keys.new_run_key() for _ in range(100)}) == 100
        assert len(keys.new_run_key()) == 32


def _variant(digest: str) -> str:
    return f"{int(digest[16], 16) & 0b0011 | 0b1000:x}"
