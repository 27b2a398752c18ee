"""The life of a process: starts without its peers, says what is missing, stops in order."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

ROOT = Path(__file__).parents[3]

# A service as small as can be: it notes what happens to it in its log.
SERVICE = '''
import asyncio, structlog
from functools import partial
from aiohttp import web
from chassis import app, config, context, db
from services import rights

log = structlog.get_logger()
crashes = []

class Settings(config.ServiceSettings):
    pauses: int = 2
    """How often it falters before it works."""

async def main(settings):
    sessions = db.sessions(settings)

    async def falters():
        if len(crashes) < settings.pauses:
            crashes.append(1)
            raise ValueError("no luck")
        log.info("recovered", after=len(crashes))
        await asyncio.Event().wait()

    async def finishes():
        await context.draining().wait()
        await asyncio.sleep(0.2)
        log.info("finished_what_was_begun")
    finishes.drains = True

    async def for_ever():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            log.info("cancelled")
            raise

    async def close():
        log.info("closed")

    async def whoami(request):
        return web.json_response({"request_id": context.current().request_id})

    await app.run(
        settings, "sample", contract=rights,
        background=[falters, finishes, for_ever],
        ready=[db.check(sessions)],
        http_routes=[web.get("/whoami", whoami)],
        closing=[close],
    )

if __name__ == "__main__":
    app.start("sample", Settings, main, migrations="sample")
'''

MIGRATION = '''
"""First."""
from alembic import op
from chassis.db import schema
revision = "0001"
down_revision = None
def upgrade():
    schema.chassis_tables(op)
'''


class Process:
    """The service as an operating system's process, its log read line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []

    async def event(self, name: str) -> dict[str, Any]:
        """The next log line of that name, within 20 seconds."""
        assert self.process.stderr is not None
        async with asyncio.timeout(20):
            while line := await self.process.stderr.readline():
                self.lines.append(json.loads(line))
                if self.lines[-1]["event"] == name:
                    return self.lines[-1]
        raise AssertionError(f"ended without {name}: {self.lines}")

    async def stop(self) -> int:
        """Asks it to stop and returns its exit code, within 20 seconds."""
        self.process.send_signal(signal.SIGTERM)
        await self.event("stopped")
        async with asyncio.timeout(20):
            return await self.process.wait()

    def seen(self) -> list[str]:
        """The names of the events read so far."""
        return [line["event"] for line in self.lines]


Launch = Callable[..., Awaitable[Process]]


@pytest.fixture
async def launch(database_url: str, tmp_path: Path) -> AsyncIterator[Launch]:
    """A function that starts the service; arguments overrule the environment."""
    package = tmp_path / "sample"
    (package / "migrations" / "versions").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(SERVICE)
    (package / "migrations" / "versions" / "0001_first.py").write_text(MIGRATION)
    running: list[asyncio.subprocess.Process] = []

    async def start(*argv: str, **overrule: str) -> Process:
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{ROOT}:{ROOT / 'gen'}:{tmp_path}",
            "MEKONG_SEAL_KEY": "seal",
            "MEKONG_DATABASE_URL": database_url,
            "MEKONG_NATS_URL": "nats://127.0.0.1:1",
            "MEKONG_ISSUER_URL": "http://127.0.0.1:1",
            "MEKONG_CLIENT_ID": "sample",
            "MEKONG_CLIENT_SECRET": "secret",
            **overrule,
        }
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "sample", *argv, env=environment, stdout=pipe, stderr=pipe
        )
        running.append(process)
        return Process(process)

    yield start
    for process in running:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def get(port: int, path: str, **headers: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as client,
        client.get(f"http://127.0.0.1:{port}{path}", headers=headers) as answer,
    ):
        return answer.status, await answer.text()


class TestStart:
    async def test_it_is_ready_when_its_database_is(self, launch: Launch) -> None:
        service = await launch()

        ports = await service.event("started")
        await service.event("ready")

        port = ports["http_port"]
        assert (await get(port, "/livez"))[0] == 200
        status, body = await get(port, "/readyz")
        assert (status, json.loads(body)) == (200, {"ready": True, "failing": []})
        _, page = await get(port, "/metrics")
        assert "mekong_ready 1.0" in page
        assert 'service="sample"' in page

    async def test_without_a_database_it_lives_and_says_what_is_missing(
        self, launch: Launch
    ) -> None:
        service = await launch(MEKONG_DATABASE_URL="postgresql+psycopg://u:p@127.0.0.1:1/d")

        port = (await service.event("started"))["http_port"]
        await service.event("not_ready")

        assert (await get(port, "/livez"))[0] == 200
        status, body = await get(port, "/readyz")
        assert status == 503
        assert [it["reason"] for it in json.loads(body)["failing"]] == ["DATABASE_AWAY"]
        assert await service.stop() == 0

    async def test_health_over_grpc_follows_readiness(self, launch: Launch) -> None:
        service = await launch(MEKONG_DATABASE_URL="postgresql+psycopg://u:p@127.0.0.1:1/d")
        port = (await service.event("started"))["grpc_port"]

        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            changes = stub.Watch(health_pb2.HealthCheckRequest(), timeout=20)
            async for change in changes:
                if change.status == health_pb2.HealthCheckResponse.NOT_SERVING:
                    break
            changes.cancel()

        assert change.status == health_pb2.HealthCheckResponse.NOT_SERVING

    async def test_a_background_task_that_crashes_is_started_again(self, launch: Launch) -> None:
        service = await launch(MEKONG_PAUSES="2")

        recovered = await service.event("recovered")

        assert recovered["after"] == 2
        assert service.seen().count("background_crashed") == 2

    async def test_routes_of_the_service_know_their_request(self, launch: Launch) -> None:
        service = await launch()
        port = (await service.event("started"))["http_port"]

        _, given = await get(port, "/whoami", **{"x-request-id": "r1"})
        _, made = await get(port, "/whoami")

        assert json.loads(given) == {"request_id": "r1"}
        assert len(json.loads(made)["request_id"]) == 36


class TestStop:
    async def test_it_ends_in_order(self, launch: Launch) -> None:
        service = await launch()
        await service.event("ready")

        code = await service.stop()

        assert code == 0
        order = ["stopping", "finished_what_was_begun", "cancelled", "closed", "stopped"]
        assert [name for name in service.seen() if name in order] == order

    async def test_it_waits_no_longer_than_its_grace(self, launch: Launch) -> None:
        service = await launch(MEKONG_SHUTDOWN_GRACE_SECONDS="0")
        await service.event("ready")

        began = time.monotonic()
        code = await service.stop()

        assert code == 0
        assert time.monotonic() - began < 5
        assert "finished_what_was_begun" not in service.seen()


class TestCommands:
    async def test_migrate_upgrades_and_ends(self, launch: Launch) -> None:
        service = await launch("migrate")

        assert (await service.event("schema_migrated"))["revision"] == "0001"
        assert await service.process.wait() == 0

    async def test_a_migration_that_fails_says_so_and_ends(self, launch: Launch) -> None:
        service = await launch(
            "migrate", MEKONG_DATABASE_URL="postgresql+psycopg://u:p@127.0.0.1:1/d"
        )

        failed = await service.event("migration_failed")

        assert "Connection refused" in failed["error"]
        assert await service.process.wait() == 1

    async def test_settings_prints_a_table_without_needing_any(self, launch: Launch) -> None:
        service = await launch("settings", MEKONG_SEAL_KEY="")

        out, _ = await service.process.communicate()

        assert service.process.returncode == 0
        assert "| `MEKONG_PAUSES` | int | 2 | How often it falters" in out.decode()

    @pytest.mark.parametrize(
        ("argv", "environment", "says"),
        [
            ((), {"MEKONG_SEAL_KEY": ""}, "sample: MEKONG_SEAL_KEY: Field required"),
            ((), {"MEKONG_TYPO": "1"}, "sample: MEKONG_TYPO: unknown setting"),
            (("serve",), {}, "usage: sample [migrate | settings]"),
        ],
    )
    async def test_what_cannot_start_says_why_in_one_line(
        self, launch: Launch, argv: tuple[str, ...], environment: dict[str, str], says: str
    ) -> None:
        service = await launch(*argv, **environment)

        _, error = await service.process.communicate()

        assert service.process.returncode == 2
        assert error.decode() == f"{says}\n"
