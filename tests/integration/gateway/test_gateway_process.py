"""The gateway as a process: it starts without its peers, answers probes, and stops gracefully."""

import datetime
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.certificates import certificate
from tests.integration.gateway.process_parts import (
    ROOT,
    SECONDS,
    Process,
    environment,
    get,
    started,
    until,
)

EXPIRY = "mekong_certificate_expiry_timestamp_seconds"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Process]:
    with started(tmp_path) as made:
        yield made


class TestProcess:
    def test_it_answers_although_no_peer_does(self, running: Process) -> None:
        live, ready = get(f"{running.ops}/livez"), get(f"{running.ops}/readyz")
        document = get(f"{running.public}/api/v1/openapi.json")
        missing = get(f"{running.public}/u/token")

        assert live == (200, "ok\n")
        assert json.loads(ready[1])["peers"]["leads"] == "not asked yet"
        assert document[0] == 200
        assert missing[0] == 503
        assert "mekong_http_handled_total" in get(f"{running.ops}/metrics")[1]

    def test_the_probes_are_not_for_the_public(self, running: Process) -> None:
        for path in ("/metrics", "/readyz", "/livez"):
            assert get(f"{running.public}{path}")[0] == 404

    def test_it_stops_by_sigterm_without_error(self, running: Process) -> None:
        get(f"{running.public}/api/docs")

        running.process.send_signal(signal.SIGTERM)

        assert running.process.wait(SECONDS) == 0
        events = [line["event"] for line in running.lines()]
        assert events[-1] == "stopped"
        assert {"listening", "started", "request"} <= set(events)

    def test_a_killed_serving_process_is_started_again(self, running: Process) -> None:
        begun = [line for line in running.lines() if line["event"] == "started"]
        children = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children")
        worker = int(children.read_text().split()[0])

        os.kill(worker, signal.SIGKILL)

        def again() -> bool:
            return len([it for it in running.lines() if it["event"] == "started"]) > len(begun)

        until(again, "started again")
        assert until(lambda: get(f"{running.public}/api/docs")[0] == 200, "answers again")


class TestCertificates:
    def test_it_tells_when_those_it_has_expire_and_follows_their_files(
        self, tmp_path: Path
    ) -> None:
        soon, late = (datetime.datetime(2027, month, 1, tzinfo=datetime.UTC) for month in (1, 4))
        file = tmp_path / "tls.crt"
        file.write_bytes(certificate(soon))

        def told(running: Process) -> dict[str, float]:
            lines = get(f"{running.ops}/metrics")[1].splitlines()
            found = [it.rsplit(" ", 1) for it in lines if it.startswith(f"{EXPIRY}{{")]
            return {name.removeprefix(EXPIRY): float(value) for name, value in found}

        with started(tmp_path, MEKONG_PUBLIC_TLS_CERT_FILE=str(file)) as running:
            before = told(running)
            file.write_bytes(certificate(late))
            after = told(running)

        shown = '{setting="public_tls_cert_file",what="file"}'
        assert before == {shown: soon.timestamp()}
        assert after == {shown: late.timestamp()}


class TestCommand:
    def run(self, *arguments: str, **given: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "services.gateway", *arguments],
            cwd=ROOT,
            env=environment(**given),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def test_settings_are_a_table(self) -> None:
        shown = self.run("settings")

        assert shown.returncode == 0
        assert "| `MEKONG_PUBLIC_URL` |" in shown.stdout

    def test_an_unknown_setting_is_refused_by_name(self) -> None:
        refused = self.run(MEKONG_NATS_URL="nats://x")

        assert refused.returncode == 2
        assert "MEKONG_NATS_URL: unknown setting" in refused.stderr

    def test_migrating_is_nothing_to_do(self) -> None:
        assert self.run("migrate").returncode == 0
