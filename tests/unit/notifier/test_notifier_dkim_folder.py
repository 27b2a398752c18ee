"""Keys that are added, turned and taken away while mails are signed with them."""

import os
from pathlib import Path
from typing import Any

import pytest
import structlog.testing
from prometheus_client import REGISTRY

from chassis.config import SettingsError
from services.notifier.channels import dkim
from services.notifier.channels.dkim import folder as folder_module
from services.notifier.workers.keyring import LOOK_SECONDS, Keyring
from tests.unit.notifier.dkim_parts import Mounted, key

ONE, TWO = "one._domainkey.song.vn", "two._domainkey.song.vn"
RSA, ED25519 = key(rsa=True), key()


@pytest.fixture
def mounted(tmp_path: Path) -> Mounted:
    """A mounted Secret with one key."""
    made = Mounted(tmp_path / "keys")
    made.swap({ONE: ED25519})
    return made


def metric(name: str) -> float | None:
    return REGISTRY.get_sample_value(f"mekong_notifier_dkim_{name}")


class TestFolder:
    @pytest.mark.parametrize(
        "files", [{ONE: ED25519, TWO: RSA}, {TWO: RSA}, {ONE: RSA}, {ONE: key()}, {}]
    )
    def test_what_was_swapped_in_is_read(self, mounted: Mounted, files: dict[str, bytes]) -> None:
        folder = dkim.Folder(mounted.path)
        before = folder.keys
        mounted.swap(files)

        assert folder.look()

        assert folder.keys is not before
        assert folder.keys.names == sorted(files)

    def test_what_did_not_change_is_not_read(self, mounted: Mounted) -> None:
        folder = dkim.Folder(mounted.path)
        before = folder.keys

        assert not folder.look()
        assert folder.keys is before

    def test_a_key_turned_in_a_plain_folder_is_read(self, tmp_path: Path) -> None:
        (tmp_path / ONE).write_bytes(ED25519)
        folder = dkim.Folder(tmp_path)
        other = tmp_path / ".new"
        other.write_bytes(key())
        os.replace(other, tmp_path / ONE)

        assert folder.look()

    def test_a_folder_that_changes_while_it_is_read_is_read_the_next_time(
        self, mounted: Mounted, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = dkim.Folder(mounted.path)
        mounted.swap({TWO: ED25519})

        def read_and_swap(path: Any) -> dkim.Keys:
            found = dkim.read(path)
            mounted.swap({ONE: ED25519, TWO: ED25519})
            return found

        monkeypatch.setattr(folder_module, "read", read_and_swap)
        assert not folder.look()
        assert folder.keys.names == [ONE]

        monkeypatch.setattr(folder_module, "read", dkim.read)
        assert folder.look()
        assert folder.keys.names == [ONE, TWO]

    @pytest.mark.parametrize("files", [{ONE: b"nothing"}, {"song.pem": ED25519}])
    def test_a_wrong_file_leaves_the_keys_as_they_were(
        self, mounted: Mounted, files: dict[str, bytes]
    ) -> None:
        folder = dkim.Folder(mounted.path)
        before = folder.keys
        mounted.swap(files)

        for _ in range(2):
            with pytest.raises(SettingsError, match=next(iter(files))):
                folder.look()
        assert folder.keys is before

        mounted.swap({TWO: RSA})
        assert folder.look()

    def test_a_link_to_nothing_leaves_the_keys_as_they_were(self, mounted: Mounted) -> None:
        folder = dkim.Folder(mounted.path)
        mounted.begin({TWO: RSA})

        with pytest.raises(SettingsError, match=ONE):
            folder.look()
        mounted.end({TWO: RSA})

        assert folder.look()
        assert folder.keys.names == [TWO]

    def test_one_that_was_wrong_at_the_start_keeps_the_process_from_starting(
        self, tmp_path: Path
    ) -> None:
        (tmp_path / ONE).write_bytes(b"nothing")

        with pytest.raises(SettingsError, match=ONE):
            dkim.Folder(tmp_path)


class TestKeyring:
    async def test_it_looks_every_two_seconds_and_tells_what_it_found(
        self, mounted: Mounted
    ) -> None:
        ring = Keyring(mounted.path)
        assert not await ring.renew(at=100)
        mounted.swap({ONE: ED25519, TWO: RSA})

        with structlog.testing.capture_logs() as logs:
            assert not await ring.renew(at=100 + LOOK_SECONDS / 2)
            assert ring.keys.names == [ONE]
            assert await ring.renew(at=100 + LOOK_SECONDS)

        assert ring.keys.names == [ONE, TWO]
        assert metric("keys") == 2
        assert logs == [{"event": "dkim_keys_changed", "keys": [ONE, TWO], "log_level": "info"}]

    async def test_the_last_key_taken_away_is_a_warning(self, mounted: Mounted) -> None:
        ring = Keyring(mounted.path)
        mounted.swap({})

        with structlog.testing.capture_logs() as logs:
            assert await ring.renew(at=0)

        assert logs == [{"event": "dkim_keys_changed", "keys": [], "log_level": "warning"}]
        assert metric("keys") == 0

    async def test_a_trouble_that_stays_is_told_once_and_until_it_ends(
        self, mounted: Mounted
    ) -> None:
        ring = Keyring(mounted.path)
        mounted.swap({ONE: b"nothing"})

        with structlog.testing.capture_logs() as logs:
            for at in range(0, 40, 10):
                assert not await ring.renew(at=at)

        assert [it["event"] for it in logs] == ["dkim_keys_unusable"]
        assert ONE in logs[0]["trouble"]
        assert logs[0]["kept"] == ring.keys.names == [ONE]
        assert metric("trouble") == 1

        mounted.swap({TWO: RSA})
        assert await ring.renew(at=50)
        assert metric("trouble") == 0

    async def test_a_swap_seen_in_the_middle_is_no_trouble(self, mounted: Mounted) -> None:
        ring = Keyring(mounted.path)
        mounted.begin({TWO: RSA})
        with structlog.testing.capture_logs() as logs:
            await ring.renew(at=0)
        mounted.end({TWO: RSA})

        assert logs == []
        assert await ring.renew(at=10)

    async def test_without_a_folder_nothing_is_looked_at(self) -> None:
        ring = Keyring(None)

        assert not await ring.renew()
        assert not ring.keys
