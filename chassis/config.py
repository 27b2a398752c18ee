"""Settings: one frozen typed object per process, from the environment and from secret files."""

import ast
import inspect
import itertools
import os
import socket
import textwrap
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import pydantic
from pydantic import Field, SecretStr
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

PREFIX = "MEKONG_"

S = TypeVar("S", bound="Settings")


class SettingsError(Exception):
    """The environment cannot be turned into settings; the text names each variable."""


class _Environment(EnvSettingsSource):
    """Environment variables, each of which may be given as a file by the suffix `_FILE`."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        given = dict(super()._load_env_vars())
        prefix = PREFIX.lower()
        fields = {f"{prefix}{name}" for name in self.settings_cls.model_fields}
        for variable in sorted(name for name in given if name.startswith(prefix)):
            if variable in fields:
                continue
            target = variable.removesuffix("_file")
            if target == variable or target not in fields:
                raise SettingsError(f"{variable.upper()}: unknown setting")
            if target in given:
                raise SettingsError(f"{variable.upper()}: {target.upper()} is given as well")
            given[target] = _contents(variable, given.pop(variable) or "")
        return given


class Settings(BaseSettings):
    """What every process needs; services add their own fields in a subclass.

    Raises `SettingsError` for an unknown or doubly given variable and an unreadable file,
    `pydantic.ValidationError` for a missing or wrong value; `load` turns both into one text.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        validate_default=True,
    )

    instance: str = Field(default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}")
    """Tells replicas of one service apart in logs, leases and database sessions."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Below `info` a busy service writes more than an operator can read."""

    log_format: Literal["json", "console"] = "json"
    """`console` is for a person at a terminal; collectors want `json`."""

    http_listen: str = "127.0.0.1:0"
    """Where /livez, /readyz and /metrics answer; reach it from outside only on purpose."""

    shutdown_grace_seconds: float = Field(default=10.0, ge=0)
    """How long calls in progress may take after SIGTERM; keep it below the pod's grace period."""

    seal_key: SecretStr
    """Seals page tokens; shared by all replicas, or a page token fails on another replica. Of
    several lines the first seals and the others still open."""

    fault_points: str = ""
    """Names of places where a test makes the process fail; empty outside tests."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then the environment; no .env file, which would differ by folder."""
        return init_settings, _Environment(settings_cls)


class ServiceSettings(Settings):
    """What every gRPC service needs on top: its address, database, broker and identity."""

    grpc_listen: str = "127.0.0.1:0"
    """Where the gRPC server answers; port 0 takes a free one and logs it."""

    grpc_tls_cert_file: Path | None = None
    """With key and CA: mutual TLS for the server and for every client of this process."""

    grpc_tls_key_file: Path | None = None
    """See `grpc_tls_cert_file`; all three or none."""

    grpc_tls_ca_file: Path | None = None
    """The authority that peers' certificates must come from."""

    grpc_max_message_bytes: int = Field(default=4 * 1024 * 1024, ge=64 * 1024)
    """Bounds the memory one request can take; streams carry what is larger."""

    grpc_default_deadline_seconds: float = Field(default=30.0, gt=0)
    """Given to calls that arrive without a deadline, so that none can hang for ever."""

    grpc_connection_age_seconds: float = Field(default=300.0, gt=0)
    """A client's connection ends after about so long, and its next one finds new replicas."""

    grpc_farewell_seconds: float = Field(default=0.3, ge=0)
    """A process that stops still takes calls for so long, while its clients turn to others."""

    database_url: SecretStr
    """`postgresql+psycopg://user:password@host:port/name`; sslmode and the like go here too."""

    database_pool_size: int = Field(default=10, ge=1)
    """Connections per process, and one more aside for its gauges; replicas times all of these must
    stay below the server's limit."""

    database_statement_timeout_seconds: float = Field(default=30.0, gt=0)
    """A runaway query ends by itself and lets go of its locks; it waits for one half as long."""

    outbox_keep_days: float = Field(default=7.0, ge=0)
    """Published events stay in the outbox this long, to be sent again after a broker's loss."""

    nats_url: str = Field(repr=False)
    """`nats://host:port`, several separated by commas; may carry user and password."""

    nats_monitor_url: str = ""
    """`http://host:port` of the broker's monitoring, asked whether every write reaches disk."""

    nats_creds_file: Path | None = None
    """Broker credentials with least permissions."""

    nats_tls_ca_file: Path | None = None
    """The authority the broker's certificate must come from; given, TLS is required."""

    nats_tls_cert_file: Path | None = None
    """Client certificate for the broker, with its key."""

    nats_tls_key_file: Path | None = None
    """Key of `nats_tls_cert_file`."""

    issuer_url: str
    """HTTP base of accounts, where tokens and the keys to verify them come from."""

    client_id: str
    """The service's own identity, for calls to its peers."""

    client_secret: SecretStr
    """Proves `client_id` to accounts."""

    region: str = Field(default="vn", pattern=r"^[a-z][a-z0-9-]{0,15}$")
    """Which region's work this process belongs to."""

    @pydantic.model_validator(mode="after")
    def _tls_is_whole(self) -> typing.Self:
        grpc = {self.grpc_tls_cert_file, self.grpc_tls_key_file, self.grpc_tls_ca_file}
        if None in grpc and grpc != {None}:
            raise ValueError("give grpc_tls_cert_file, _key_file and _ca_file, or none of them")
        if (self.nats_tls_cert_file is None) != (self.nats_tls_key_file is None):
            raise ValueError("give both of nats_tls_cert_file and nats_tls_key_file or none")
        return self


@dataclass(frozen=True)
class Row:
    """One line of the table of settings, as a person reads it."""

    name: str
    type: str
    default: str
    why: str


def load(settings_type: type[S]) -> S:
    """Reads the environment; raises `SettingsError` whose text names every wrong variable."""
    try:
        # Every field comes from the environment, which the type's signature cannot say.
        return cast(Callable[[], S], settings_type)()
    except pydantic.ValidationError as wrong:
        raise SettingsError("; ".join(_reasons(wrong))) from None


def table(settings_type: type[Settings]) -> list[Row]:
    """The settings of a process in the order they are declared."""
    whys = {name: why for it in reversed(settings_type.__mro__) for name, why in _whys(it).items()}
    return [
        Row(
            name=f"{PREFIX}{name.upper()}",
            type=_type_name(field.annotation),
            default=_default(field),
            why=" ".join((field.description or whys.get(name, "")).split()),
        )
        for name, field in settings_type.model_fields.items()
    ]


def host_port(address: str) -> tuple[str, int]:
    """Splits `host:port` or `[v6]:port`; raises `SettingsError` for anything else."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise SettingsError(f"not host:port: {address!r}")
    return host.strip("[]"), int(port)


def _contents(variable: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as broken:
        raise SettingsError(f"{variable.upper()}: cannot read {path!r}: {broken}") from None


def _reasons(wrong: pydantic.ValidationError) -> list[str]:
    return [
        f"{PREFIX}{'_'.join(str(part) for part in error['loc']).upper()}: {error['msg']}"
        if error["loc"]
        else error["msg"]
        for error in wrong.errors(include_url=False, include_input=False)
    ]


def _whys(owner: type) -> dict[str, str]:
    """The string below each field; read only for the table, since parsing takes a tenth second."""
    if not issubclass(owner, Settings):
        return {}
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
    assert isinstance(definition, ast.ClassDef)  # noqa: S101 (for the type checker)
    return {
        field.target.id: why.value.value
        for field, why in itertools.pairwise(definition.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(why, ast.Expr)
        and isinstance(why.value, ast.Constant)
        and isinstance(why.value.value, str)
    }


def _type_name(annotation: Any) -> str:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        parts = [part for part in typing.get_args(annotation) if part is not types.NoneType]
        return " or ".join(_type_name(part) for part in parts)
    if typing.get_origin(annotation) is Literal:
        return " or ".join(str(part) for part in typing.get_args(annotation))
    return {SecretStr: "secret", str: "text", Path: "path"}.get(
        annotation, getattr(annotation, "__name__", str(annotation))
    )


def _default(field: pydantic.fields.FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default_factory is not None:
        return "made at start"
    if isinstance(field.default, SecretStr):
        return "(secret)" if field.default.get_secret_value() else ""
    return "" if field.default is None else str(field.default)
