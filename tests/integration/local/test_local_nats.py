"""The embedded NATS: its promises to those who publish, and its ends."""

import json
import secrets
import socket
import urllib.request
from pathlib import Path

import nats
import pytest

from local.nats import Nats


@pytest.fixture
def server(tmp_path: Path):
    made = Nats(tmp_path / "with space" / "data", password=secrets.token_urlsafe(8))
    made.start()
    yield made
    made.stop()


class TestServer:
    def test_it_writes_every_message_to_disk_before_it_acknowledges(self, server: Nats):
        with urllib.request.urlopen(f"{server.monitor_url}/varz") as answer:  # noqa: S310
            varz = json.load(answer)

        assert varz["jetstream"]["config"]["sync_always"] is True

    def test_it_refuses_a_wrong_password(self, server: Nats):
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
            connection.sendall(b'CONNECT {"user":"mekong","pass":"wrong","verbose":false}\r\n')
            answer = connection.makefile().read()

        assert "Authorization Violation" in answer

    async def test_a_message_it_acknowledged_survives_its_kill(self, server: Nats):
        async with await nats.connect(server.url) as client:
            stream = client.jetstream()
            await stream.add_stream(name="FACTS", subjects=["facts.>"])
            await stream.publish("facts.one", b"kept")

        server.kill()
        server.start()

        async with await nats.connect(server.url) as client:
            kept = await client.jetstream().get_last_msg("FACTS", "facts.one")
        assert kept.data == b"kept"

    async def test_it_says_why_it_cannot_start(self, server: Nats, tmp_path: Path):
        second = Nats(tmp_path / "second", password="x", port=server.port)

        with pytest.raises(RuntimeError, match="address already in use"):
            second.start()
