"""When certificates expire is told by setting: of the file as it is, and of what is held."""

import datetime
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from prometheus_client import REGISTRY, generate_latest
from pydantic import SecretStr

from chassis import certificates, config, metrics
from tests.certificates import certificate

SOON, LATE = (datetime.datetime(2027, month, 1, tzinfo=datetime.UTC) for month in (1, 4))


class Settings(config.Settings):
    seal_key: SecretStr = SecretStr("")
    grpc_tls_cert_file: Path | None = None
    grpc_tls_key_file: Path | None = None
    nats_tls_ca_file: Path | None = None
    front_cert_file: Path | None = None


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tls.crt"
    path.write_bytes(certificate(SOON))
    return path


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    metrics.certificate_expiry.clear()
    yield
    metrics.certificate_expiry.clear()


def told(setting: str, what: str) -> float | None:
    """Return what a scrape has of a setting now."""
    return REGISTRY.get_sample_value(
        "mekong_certificate_expiry_timestamp_seconds", {"setting": setting, "what": what}
    )


class TestExpiry:
    def test_it_is_told_of_each_certificate_and_authority(self, file: Path) -> None:
        certificates.observe(Settings(grpc_tls_cert_file=file, nats_tls_ca_file=file))

        for setting in ("grpc_tls_cert_file", "nats_tls_ca_file"):
            assert told(setting, "file") == told(setting, "held") == SOON.timestamp()

    def test_keys_and_settings_that_are_not_given_have_none(self, file: Path) -> None:
        certificates.observe(Settings(grpc_tls_cert_file=file, grpc_tls_key_file=file))

        text = generate_latest(REGISTRY).decode()
        assert "grpc_tls_cert_file" in text
        assert "grpc_tls_key_file" not in text
        assert "nats_tls_ca_file" not in text

    def test_of_several_in_a_file_the_first_to_expire_counts(self, file: Path) -> None:
        file.write_bytes(certificate(LATE) + certificate(SOON))

        certificates.observe(Settings(grpc_tls_cert_file=file))

        assert told("grpc_tls_cert_file", "file") == SOON.timestamp()


class TestRenewal:
    def test_the_file_is_followed_and_what_connections_hold_is_not(self, file: Path) -> None:
        certificates.observe(Settings(grpc_tls_cert_file=file))

        file.write_bytes(certificate(LATE))

        assert told("grpc_tls_cert_file", "file") == LATE.timestamp()
        assert told("grpc_tls_cert_file", "held") == SOON.timestamp()

    def test_nothing_is_held_of_what_others_show(self, file: Path) -> None:
        certificates.observe(Settings(front_cert_file=file), of_others=("front_cert_file",))

        assert told("front_cert_file", "file") == SOON.timestamp()
        assert told("front_cert_file", "held") is None


class TestUnreadable:
    @pytest.mark.parametrize("content", [None, b"", b"no certificate"])
    def test_it_is_neither_near_nor_far_until_it_can_be_read(
        self, file: Path, content: bytes | None
    ) -> None:
        file.unlink() if content is None else file.write_bytes(content)

        certificates.observe(Settings(grpc_tls_cert_file=file))
        before = told("grpc_tls_cert_file", "file")
        file.write_bytes(certificate(LATE))

        assert before is not None
        assert math.isnan(before)
        assert told("grpc_tls_cert_file", "file") == LATE.timestamp()

    def test_it_is_logged_once_and_again_after_it_was_well(self, file: Path) -> None:
        with structlog.testing.capture_logs() as lines:
            certificates.observe(
                Settings(front_cert_file=file.with_name("none")), of_others=("front_cert_file",)
            )
            for _ in range(3):
                told("front_cert_file", "file")
            file.rename(file.with_name("none"))
            told("front_cert_file", "file")
            file.with_name("none").unlink()
            told("front_cert_file", "file")

        assert [it["event"] for it in lines] == ["certificate_unreadable"] * 2
        assert lines[0]["setting"] == "front_cert_file"
