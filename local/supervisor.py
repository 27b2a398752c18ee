"""Starts the whole house in order of need, keeps it up, and stops it in reverse."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import readiness, report, stale
from local.home import Home
from local.nats import EXAMPLE, Nats
from local.postgres import Postgres
from local.process import LONGEST_PAUSE_SECONDS, Command, Kept, NotStarted, all_of, once
from local.services import HOUSE, Environment, Service, interpreter

Job = Callable[[dict[str, Any]], Awaitable[int]]
Tell = Callable[[str], None]

READY_SECONDS = 120.0
GRACE_SECONDS = 15.0


@dataclass(frozen=True)
class Options:
    """What to run and where. `topology` makes the streams and `migrate` the schemas."""

    home: Path
    services: Sequence[Service] = HOUSE
    topology: Sequence[str] = ("-m", "services.topology")
    migrate: Sequence[str] = ("-m", "local.migrate")
    ready_seconds: float = READY_SECONDS
    grace_seconds: float = GRACE_SECONDS
    longest_pause: float = LONGEST_PAUSE_SECONDS


class Supervisor:
    """One house. `run` is its whole life."""

    def __init__(self, options: Options, tell: Tell) -> None:
        self._options = options
        self._tell = tell
        self._home = home = Home(options.home)
        home.lock()
        stale.end(home)  # before ports are chosen: they may hold ours
        self._postgres = Postgres(
            home.data / "postgres",
            home.secrets.text("database_password"),
            port=home.ports.get("postgres"),
            log=home.log("postgres"),
        )
        self._nats = Nats(
            home.data / "nats",
            home.secrets.text("nats_password"),
            port=home.ports.get("nats"),
            monitor_port=home.ports.get("nats-monitor"),
            log=home.log("nats"),
            subscribers={EXAMPLE: home.secrets.text("nats_subscriber")},
        )
        self._environment = Environment(home, self._postgres, self._nats, options.services)
        self._kept: dict[str, Kept] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._stop = asyncio.Event()
        self._ready = False
        self._started_seconds = 0.0

    async def run(self, job: Job | None = None, *, leave: bool = False) -> int:
        """Start, tell where everything is, do `job`, stay until a signal, or `leave` after it.

        Returns 0, or 1 when the house did not start, or what `job` returned if it decides.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._asked_to_stop)
        try:
            if not await self._unless_stopped(self._start()):
                return 0
            code = await self._do(job) if job is not None else 0
            if not leave:
                await self._stop.wait()
                code = 0
            return code
        except NotStarted as why:
            self._tell(str(why))
            return 1
        finally:
            await self._shut_down()

    # Starting

    async def _start(self) -> None:
        began = time.monotonic()
        for name in ("postgres", "nats", "sandbox", "topology", "migrate"):
            self._home.rotate_log(name)
        await all_of(self._start_postgres(), self._start_nats(), self._start_sandbox())
        servers = time.monotonic() - began
        await all_of(self._streams(), self._schemas_and_services())
        await self._until_ready()
        self._started_seconds = round(time.monotonic() - began, 1)
        self._ready = True
        self._write_state()
        self._tell(f"ready in {self._started_seconds} s ({servers:.1f} s of it for the servers)")

    async def _start_postgres(self) -> None:
        await asyncio.to_thread(self._postgres.initialise)
        # Here and not in a thread: the kernel ends a child with the thread that made it.
        self._postgres.launch()
        await self._server_ready("postgres", self._postgres)
        await asyncio.to_thread(self._make_databases)

    async def _start_nats(self) -> None:
        self._nats.launch()
        await self._server_ready("nats", self._nats)

    async def _server_ready(self, name: str, server: Postgres | Nats) -> None:
        try:
            await asyncio.to_thread(server.wait_ready)
        except RuntimeError as why:
            raise NotStarted(str(why)) from None
        self._tasks.append(asyncio.create_task(self._keep_server(name, server)))
        self._write_state()

    def _make_databases(self) -> None:
        for service in self._options.services:
            if service.has_database:
                password = self._home.secrets.text(f"database_{service.name}")
                self._postgres.create_database(service.name, role=service.name, password=password)

    async def _start_sandbox(self) -> None:
        port = self._home.ports.get
        arguments = [
            *(interpreter(), "-m", "local.sandbox", "--data", str(self._home.data / "sandbox")),
            *("--mail-port", str(port("mail")), "--smpp-port", str(port("smpp"))),
            *("--http-port", str(port("inbox"))),
        ]
        await self._keep("sandbox", arguments, self._environment.base())

    async def _streams(self) -> None:
        command = [interpreter(), *self._options.topology]
        environment = self._environment.topology()
        await once(Command("topology", command, environment, self._home.log("topology")))

    async def _schemas_and_services(self) -> None:
        """Start each service as soon as its schema is there."""
        services = {service.name: service for service in self._options.services}
        urls = {
            name: self._environment.database_url(name)
            for name, service in services.items()
            if service.has_database
        }
        starting = [self._start_service(s) for s in services.values() if not s.has_database]

        async def migrated(name: str) -> None:
            await self._start_service(services[name])

        arguments = [interpreter(), *self._options.migrate]
        command = Command("migrate", arguments, self._environment.base(), self._home.log("migrate"))
        await all_of(*starting, once(command, json.dumps(urls).encode(), migrated))

    async def _start_service(self, service: Service) -> None:
        for instance in service.instances:
            self._home.rotate_log(instance)
            # gunicorn ends its workers itself, if it is asked and not killed.
            death = signal.SIGTERM if service.name == "gateway" else signal.SIGKILL
            arguments = [interpreter(), *service.command]
            environment = self._environment.of(service, instance)
            await self._keep(instance, arguments, environment, death)

    async def _until_ready(self) -> None:
        """Wait until every process says so itself."""
        pages = {"sandbox": f"{self._inbox_url()}/livez"}
        for service in self._options.services:
            for instance in service.instances:
                pages[instance] = f"{self._environment.http_url(instance)}/readyz"
        await readiness.until(pages, self._kept, within=self._options.ready_seconds)

    # Keeping

    async def _keep(
        self,
        name: str,
        arguments: Sequence[str],
        environment: dict[str, str],
        death: signal.Signals = signal.SIGKILL,
    ) -> None:
        log, changes = self._home.log(name), self._home.changes(name)
        command = Command(name, arguments, environment, log, death, changes)
        kept = self._kept[name] = Kept(
            command, self._tell, self._write_state, self._options.longest_pause
        )
        await kept.start()

    async def _keep_server(self, name: str, server: Postgres | Nats) -> None:
        while True:
            code = await asyncio.to_thread(server.wait)
            if self._stop.is_set():
                return
            self._tell(f"{name} ended with code {code}; starting it again")
            await asyncio.sleep(0.5)
            server.launch()
            await asyncio.to_thread(server.wait_ready)
            self._write_state()

    # Telling

    def _inbox_url(self) -> str:
        return f"http://127.0.0.1:{self._home.ports.get('inbox')}"

    def state(self) -> dict[str, Any]:
        """What other commands need to know of a running house."""
        servers: dict[str, Postgres | Nats] = {"postgres": self._postgres, "nats": self._nats}
        return {
            "pid": os.getpid(),
            "ready": self._ready,
            "started_seconds": self._started_seconds,
            **report.addresses(self._home, self._options.services, self._environment),
            "nats_url": self._nats.url,
            "nats_monitor_url": self._nats.monitor_url,
            "subscriber": {"name": EXAMPLE, "nats_url": self._nats.subscriber_url(EXAMPLE)},
            "processes": report.processes(
                self._kept, servers, self._options.services, self._environment
            ),
        }

    def _write_state(self) -> None:
        self._home.write_state(self.state())

    # Stopping

    async def _do(self, job: Job) -> int:
        working = asyncio.ensure_future(job(self.state()))
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not working.done():
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            return 1
        return working.result()

    async def _unless_stopped(self, work: Coroutine[Any, Any, None]) -> bool:
        """Do `work` to its end; returns False when a signal came before."""

        async def measured() -> int:
            await work
            return 0

        return await self._do(lambda _: measured()) == 0

    def _asked_to_stop(self) -> None:
        if not self._stop.is_set():
            self._tell("stopping (Ctrl-C again to kill)")
            self._stop.set()
            return
        self._tell("killed")
        for kept in self._kept.values():
            kept.kill()
        self._nats.kill()
        self._postgres.kill()
        os._exit(130)

    async def _shut_down(self) -> None:
        """Stop the services, then the sandbox, NATS and PostgreSQL."""
        self._stop.set()
        self._ready = False
        grace = self._options.grace_seconds
        sandbox = self._kept.pop("sandbox", None)
        await asyncio.gather(*(kept.stop(grace) for kept in self._kept.values()))
        if sandbox is not None:
            await sandbox.stop(grace)
        await asyncio.to_thread(self._nats.stop)
        await asyncio.to_thread(self._postgres.stop)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._write_state()


def to_terminal(line: str) -> None:
    """Print one line at once, also into a pipe."""
    print(line, file=sys.stderr, flush=True)
