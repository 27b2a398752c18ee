"""Settings: where they come from, and what is refused."""

from pathlib import Path

import pydantic
import pytest
from pydantic import SecretStr

from chassis import config

REQUIRED = {
    "MEKONG_SEAL_KEY": "seal",
    "MEKONG_DATABASE_URL": "postgresql+psycopg://u:p@h/d",
    "MEKONG_NATS_URL": "nats://h",
    "MEKONG_ISSUER_URL": "http://accounts",
    "MEKONG_CLIENT_ID": "leads",
    "MEKONG_CLIENT_SECRET": "s3cret",
}


class LeadsSettings(config.ServiceSettings):
    peers: int = 3
    """How many peers it waits for."""


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)


class TestSources:
    def test_the_environment_fills_the_fields(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MEKONG_DATABASE_POOL_SIZE", "7")
        monkeypatch.setenv("UNRELATED", "stays out")

        settings = config.load(LeadsSettings)

        assert settings.database_pool_size == 7
        assert settings.peers == 3

    def test_a_secret_comes_from_a_file_without_its_line_end(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.delenv("MEKONG_CLIENT_SECRET")
        (tmp_path / "secret").write_text("from the file\n")
        monkeypatch.setenv("MEKONG_CLIENT_SECRET_FILE", str(tmp_path / "secret"))

        settings = config.load(LeadsSettings)

        assert settings.client_secret == SecretStr("from the file")

    def test_a_field_that_is_itself_a_file_keeps_its_path(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MEKONG_NATS_CREDS_FILE", "/run/nats.creds")

        settings = config.load(LeadsSettings)

        assert settings.nats_creds_file == Path("/run/nats.creds")

    def test_an_empty_variable_is_not_given(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MEKONG_NATS_CREDS_FILE", "")

        settings = config.load(LeadsSettings)

        assert settings.nats_creds_file is None

    def test_two_processes_have_two_instances(self) -> None:
        settings = config.load(LeadsSettings)

        assert settings.instance.rpartition("-")[2].isdigit()


class TestRefusal:
    def test_an_unknown_variable_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MEKONG_DATABSE_URL", "typo")

        with pytest.raises(config.SettingsError, match="MEKONG_DATABSE_URL: unknown setting"):
            config.load(LeadsSettings)

    def test_a_field_given_twice_is_named(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "secret").write_text("x")
        monkeypatch.setenv("MEKONG_SEAL_KEY_FILE", str(tmp_path / "secret"))

        with pytest.raises(config.SettingsError, match="MEKONG_SEAL_KEY is given as well"):
            config.load(LeadsSettings)

    def test_a_file_that_cannot_be_read_is_named(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.delenv("MEKONG_SEAL_KEY")
        monkeypatch.setenv("MEKONG_SEAL_KEY_FILE", str(tmp_path / "absent"))

        with pytest.raises(config.SettingsError, match="MEKONG_SEAL_KEY_FILE: cannot read"):
            config.load(LeadsSettings)

    def test_everything_missing_or_wrong_is_named_at_once(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("MEKONG_SEAL_KEY")
        monkeypatch.setenv("MEKONG_PEERS", "many")

        with pytest.raises(config.SettingsError) as refused:
            config.load(LeadsSettings)

        assert "MEKONG_SEAL_KEY: Field required" in str(refused.value)
        assert "MEKONG_PEERS: Input should be a valid integer" in str(refused.value)

    def test_half_of_mutual_tls_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MEKONG_GRPC_TLS_CERT_FILE", "/run/tls.crt")

        with pytest.raises(config.SettingsError, match="or none of them"):
            config.load(LeadsSettings)

    def test_a_refused_value_is_not_quoted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MEKONG_SHUTDOWN_GRACE_SECONDS", "pa55word-in-the-wrong-place")

        with pytest.raises(config.SettingsError) as refused:
            config.load(LeadsSettings)

        assert "pa55word" not in str(refused.value)


class TestSettings:
    def test_they_are_frozen(self) -> None:
        settings = config.load(LeadsSettings)

        with pytest.raises(pydantic.ValidationError, match="frozen"):
            settings.region = "sg"

    def test_their_text_shows_no_secret(self) -> None:
        shown = repr(config.load(LeadsSettings))

        assert not [value for value in ("s3cret", "u:p@h", "nats://h") if value in shown]


class TestTable:
    def test_it_says_name_type_default_and_why_of_every_field(self) -> None:
        rows = {row.name: row for row in config.table(LeadsSettings)}

        assert rows["MEKONG_PEERS"] == config.Row(
            "MEKONG_PEERS", "int", "3", "How many peers it waits for."
        )
        assert rows["MEKONG_DATABASE_URL"].default == "required"
        assert [name for name, row in rows.items() if not row.why] == []

    @pytest.mark.parametrize(
        ("address", "parts"), [("127.0.0.1:80", ("127.0.0.1", 80)), ("[::1]:0", ("::1", 0))]
    )
    def test_an_address_has_a_host_and_a_port(self, address: str, parts: tuple[str, int]) -> None:
        assert config.host_port(address) == parts

    @pytest.mark.parametrize("address", ["localhost", ":http", "h:70000", "h:-1", ""])
    def test_what_is_not_an_address_is_refused(self, address: str) -> None:
        with pytest.raises(config.SettingsError):
            config.host_port(address)
