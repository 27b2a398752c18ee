"""The life of a process: commands, start in any order, readiness, and one graceful stop."""

import asyncio
import gc
import json
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar

import prometheus_client
import structlog
import uvloop
from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError

from chassis import certificates, config, context, db, errors, logging, metrics
from chassis.background import CLEANUP_SECONDS, Background, Task, cancel
from chassis.config import ServiceSettings
from chassis.errors import Check
from chassis.rpc import server as rpc_server
from chassis.rpc.rights import Contract

S = TypeVar("S", bound=ServiceSettings)

CHECK_TIMEOUT_SECONDS = 2.0
# What is away is asked for often, so that its return is known soon.
_WATCH_WELL_SECONDS, _WATCH_ILL_SECONDS = 3.0, 0.5
_COLLECT_AFTER = (50_000, 20, 50)

log = structlog.get_logger(__name__)


def start(
    name: str,
    settings_type: type[S],
    main: Callable[[S], Coroutine[Any, Any, None]],
    migrations: str,
    argv: Sequence[str] | None = None,
) -> None:
    """Runs a service's command: none serves, `migrate` upgrades, `settings` prints a table.

    `migrations` is the package that has them (`services.leads`). Exits with 2 and one line on
    stderr for wrong settings or an unknown command, with 1 for a migration that failed.
    """
    command = list(sys.argv[1:] if argv is None else argv)
    if command == ["settings"]:
        sys.stdout.write(markdown(config.table(settings_type)))
        return
    if command not in ([], ["migrate"]):
        _refuse(f"usage: {name} [migrate | settings]")
    try:
        settings = config.load(settings_type)
    except config.SettingsError as wrong:
        _refuse(f"{name}: {wrong}")
    logging.configure(settings, name)
    metrics.describe(name, settings.region)
    if command:
        _migrate(settings, migrations)
    else:
        _serve(name, main(settings))


def _serve(name: str, serving: Coroutine[Any, Any, None]) -> None:
    # What was imported stays, and almost nothing of what comes is in a cycle: to look for garbage
    # as often as Python does by itself takes a fifth of a process that holds thousands of messages.
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)
    try:
        uvloop.run(serving)
    except config.SettingsError as wrong:  # of a file that a setting names
        _refuse(f"{name}: {wrong}")


def _migrate(settings: ServiceSettings, migrations: str) -> None:
    try:
        db.upgrade(settings, migrations)
    except SQLAlchemyError as failed:
        log.error("migration_failed", package=migrations, error=str(failed))
        raise SystemExit(1) from None


async def run(
    settings: ServiceSettings,
    name: str,
    *,
    contract: Contract,
    servicers: rpc_server.Servicers = (),
    background: Sequence[Background] = (),
    ready: Sequence[Check] = (),
    http_routes: Sequence[web.AbstractRouteDef] = (),
    closing: Sequence[Callable[[], Awaitable[object]]] = (),
    prunes: Sequence[db.housekeeping.Prune] = (),
) -> None:
    """Serves until SIGTERM or SIGINT, then stops in order; peers may come and go.

    A background task that raises is started again, after a growing pause. One whose attribute
    `drains` is true ends by itself once `context.draining()` is set and is waited for; the others
    are cancelled, which may cost five seconds when it meets a query. `closing` runs last, before
    the database's connections are closed.
    `prunes` delete, beside what the chassis keeps, what the service no longer needs.
    `contract` says who may call which method, and what can be hidden from them.
    """
    stop = _on_signal()
    draining = asyncio.Event()
    context.share_draining(draining)
    readiness = Readiness(ready)
    certificates.observe(settings)
    runner, port = await _serve_http(settings.http_listen, readiness, http_routes)
    server = rpc_server.build(settings, name, servicers, contract=contract)
    grpc_port = await server.start()
    house = [db.housekeeping.task(made, settings, prunes) for made in db.opened()]
    works: list[Background] = [*background, *house, _Watch(readiness, server)]
    tasks = [Task(work, draining) for work in works]
    log.info("started", http_port=port, grpc_port=grpc_port)
    await stop.wait()

    log.info("stopping", grace_seconds=settings.shutdown_grace_seconds)
    readiness.stopping = True
    draining.set()
    await _drain(server, tasks, settings.shutdown_grace_seconds)
    await _close(closing)
    await runner.cleanup()
    log.info("stopped")


async def _close(closing: Sequence[Callable[[], Awaitable[object]]]) -> None:
    for close in closing:
        await close()
    for made in db.opened():
        await db.dispose(made)


@dataclass
class Readiness:
    """What must hold before requests are sent here."""

    checks: Sequence[Check]
    stopping: bool = False
    _last: list[dict[str, str]] | None = field(default=None, repr=False)

    async def failing(self) -> list[dict[str, str]]:
        """Reason and message of each check that fails now; empty means ready."""
        if self.stopping:
            return [{"reason": "STOPPING", "message": "the process was asked to stop"}]
        results = await asyncio.gather(*(_failure(check) for check in self.checks))
        return [it for it in results if it is not None]

    async def observe(self) -> bool:
        """Checks, sets the metric and logs a change; returns whether all is well."""
        failing = await self.failing()
        metrics.ready.set(not failing)
        if failing != self._last:
            self._last = failing
            if failing:
                log.warning("not_ready", failing=failing)
            else:
                log.info("ready")
        return not failing


def markdown(rows: Sequence[config.Row]) -> str:
    """The table of settings as Markdown."""
    lines = ["| setting | type | default | why |", "|---|---|---|---|"]
    lines += [f"| `{it.name}` | {it.type} | {it.default} | {it.why} |" for it in rows]
    return "\n".join(lines) + "\n"


async def _failure(check: Check) -> dict[str, str] | None:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
            await check()
    except errors.Error as failed:
        return {"reason": failed.reason, "message": failed.message}
    except Exception as failed:
        # A check must never end the process; the type tells enough and quotes nobody's data.
        name = getattr(check, "__name__", "check")
        return {"reason": "CHECK_FAILED", "message": f"{name}: {type(failed).__name__}"}
    return None


class _Watch:
    """Tells gRPC's health service, the metrics and the log when readiness changes."""

    drains = True

    def __init__(self, readiness: Readiness, server: rpc_server.Server) -> None:
        self._readiness = readiness
        self._server = server

    async def __call__(self) -> None:
        """Watches until the process drains."""
        told: bool | None = None
        while not context.draining().is_set():
            well = await self._readiness.observe()
            # Health over gRPC ends with the drain, which must have the last word.
            if well is not told and not context.draining().is_set():
                await self._server.ready(well)
                told = well
            await context.pause(_WATCH_WELL_SECONDS if well else _WATCH_ILL_SECONDS)


async def _drain(server: rpc_server.Server, tasks: Sequence[Task], grace: float) -> None:
    draining = [it.task for it in tasks if it.drains]
    finishing = asyncio.wait(draining, timeout=grace) if draining else asyncio.sleep(0)
    await asyncio.gather(server.drain(grace), finishing)
    await cancel([it.task for it in tasks])


def _on_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _serve_http(
    listen: str, readiness: Readiness, routes: Sequence[web.AbstractRouteDef]
) -> tuple[web.AppRunner, int]:
    async def livez(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        failing = await readiness.failing()
        body = json.dumps({"ready": not failing, "failing": failing})
        status = 503 if failing else 200
        return web.Response(text=body, status=status, content_type="application/json")

    async def expose(_: web.Request) -> web.Response:
        return web.Response(
            body=prometheus_client.generate_latest(),
            headers={"Content-Type": prometheus_client.CONTENT_TYPE_LATEST},
        )

    own = [web.get("/livez", livez), web.get("/readyz", readyz), web.get("/metrics", expose)]
    application = web.Application(middlewares=[_bind_context], client_max_size=1024 * 1024)
    application.add_routes([*own, *routes])
    runner = web.AppRunner(application, access_log=None, handle_signals=False)
    await runner.setup()
    host, port = config.host_port(listen)
    site = web.TCPSite(runner, host, port, shutdown_timeout=CLEANUP_SECONDS)
    await site.start()
    return runner, runner.addresses[0][1]


@web.middleware
async def _bind_context(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    trace = request.headers.get("traceparent", "")
    with context.bind(
        request_id=request.headers.get("x-request-id", "")[:128] or context.new_request_id(),
        traceparent=trace if context.valid_traceparent(trace) else context.new_traceparent(),
    ):
        return await handler(request)


def _refuse(why: str) -> NoReturn:
    sys.stderr.write(f"{why}\n")
    raise SystemExit(2)
