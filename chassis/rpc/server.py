"""The gRPC server of a service: rings, health, reflection, limits and a graceful end."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from chassis.config import ServiceSettings
from chassis.rpc import balancing, rings
from chassis.rpc.call import Rings
from chassis.rpc.certificates import Certificates, Files
from chassis.rpc.hiding import Hiding
from chassis.rpc.keys import Keys, Verifier
from chassis.rpc.rights import Contract, Rule

Servicers = Sequence[tuple[Callable[[Any, Any], None], Any]]

# How long streams may go on over a connection that has reached its age.
_CONNECTION_GRACE_MS = 10 * 60 * 1000
# A client that is gone without a word is noticed after both; clients may ask as often as the last.
_PING_MS, _PING_WAIT_MS, _LEAST_PING_MS = 30_000, 10_000, 10_000

log = structlog.get_logger()


class Server:
    """A server that was built and is started and drained once."""

    def __init__(
        self,
        server: grpc.aio.Server,
        checks: health.aio.HealthServicer,
        services: Sequence[str],
        farewell_seconds: float,
    ) -> None:
        self._server = server
        self._checks = checks
        self._services = services
        self._farewell_seconds = farewell_seconds
        self.port = 0

    def bind(self, port: int) -> None:
        """Remember the port the server was bound to."""
        self.port = port

    async def start(self) -> int:
        """Start to serve and return the port."""
        await self._checks.set(balancing.STAYING, health_pb2.HealthCheckResponse.SERVING)
        await self._server.start()
        await self.ready(True)
        log.info("grpc_serving", port=self.port, services=list(self._services))
        return self.port

    async def ready(self, is_ready: bool) -> None:
        """Tell clients of the health service whether to send calls here."""
        answer = health_pb2.HealthCheckResponse
        state = answer.SERVING if is_ready else answer.NOT_SERVING
        for service in ("", *self._services):
            await self._checks.set(service, state)

    async def drain(self, grace: float) -> None:
        """Send clients elsewhere, give calls in progress `grace` seconds, then cancel them.

        A call that is on its way when the server ends would fail, and only few may be repeated:
        clients are told first, and calls are still taken until that is heard.
        """
        await self._checks.enter_graceful_shutdown()
        await asyncio.sleep(min(self._farewell_seconds, grace))
        await self._server.stop(grace)


def build(
    settings: ServiceSettings,
    service_name: str,
    servicers: Servicers,
    *,
    contract: Contract,
    keys: Keys | None = None,
) -> Server:
    """Return a server for `servicers` whose tokens must name `service_name` as audience.

    Raises `LookupError` when `contract` says nothing of one of their methods.
    """
    admitted: dict[str, Rule] = {}
    verifier = Verifier(keys or Keys(settings.issuer_url), service_name)
    around = [
        rings.bind_context,
        rings.observe,
        rings.explain_errors,
        rings.limit_time(settings.grpc_default_deadline_seconds),
        rings.admit(verifier, admitted),
    ]
    server = grpc.aio.server(
        interceptors=[Rings(around, Hiding(contract))], options=_options(settings)
    )
    recorder = _Recorder(server)
    for add, servicer in servicers:
        add(servicer, recorder)
    admitted |= {method: contract.rule(method) for method in recorder.methods}
    checks = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    reflection.enable_server_reflection(
        [*recorder.services, health.SERVICE_NAME, reflection.SERVICE_NAME], server
    )
    built = Server(server, checks, recorder.services, settings.grpc_farewell_seconds)
    built.bind(_listen(server, settings))
    return built


class _Recorder:
    """Stands before the server while servicers are added, to learn what they serve."""

    def __init__(self, server: grpc.aio.Server) -> None:
        self._server = server
        self.services: list[str] = []
        self.methods: list[str] = []

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        self._server.add_generic_rpc_handlers(handlers)

    def add_registered_method_handlers(self, service_name: str, handlers: Any) -> None:
        self.services.append(service_name)
        self.methods += [f"/{service_name}/{name}" for name in handlers]
        self._server.add_registered_method_handlers(service_name, handlers)


def _options(settings: ServiceSettings) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", settings.grpc_max_message_bytes),
        ("grpc.max_send_message_length", settings.grpc_max_message_bytes),
        # A balanced client spreads again over new replicas when its old connections end.
        ("grpc.max_connection_age_ms", int(1_000 * settings.grpc_connection_age_seconds)),
        ("grpc.max_connection_age_grace_ms", _CONNECTION_GRACE_MS),
        ("grpc.keepalive_time_ms", _PING_MS),
        ("grpc.keepalive_timeout_ms", _PING_WAIT_MS),
        ("grpc.http2.min_ping_interval_without_data_ms", _LEAST_PING_MS),
        ("grpc.keepalive_permit_without_calls", 1),
        # Two processes on one port would share its calls by chance.
        ("grpc.so_reuseport", 0),
    ]


def _listen(server: grpc.aio.Server, settings: ServiceSettings) -> int:
    cert, key, authority = (
        settings.grpc_tls_cert_file,
        settings.grpc_tls_key_file,
        settings.grpc_tls_ca_file,
    )
    if cert is None or key is None or authority is None:
        return server.add_insecure_port(settings.grpc_listen)
    credentials = Certificates(Files(cert, key, authority)).credentials()
    return server.add_secure_port(settings.grpc_listen, credentials)
