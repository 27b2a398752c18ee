"""Keys, tokens and identities, from a real process over HTTP and gRPC."""

import asyncio
import base64
import hashlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from chassis import errors
from chassis.config import ServiceSettings
from chassis.context import Level
from chassis.rpc.keys import Keys, Verifier
from chassis.rpc.tokens import TokenSource

SECRET = "a secret of leads"
ROOT = Path(__file__).parents[3]


@dataclass
class Accounts:
    url: str
    clients: Path
    nats_url: str

    def source(self, client_id: str = "leads", secret: str = SECRET) -> TokenSource:
        return TokenSource(
            ServiceSettings.model_validate(
                {
                    "seal_key": "seal",
                    "database_url": "postgresql+psycopg://nobody@127.0.0.1:1/none",
                    "nats_url": self.nats_url,
                    "issuer_url": self.url,
                    "client_id": client_id,
                    "client_secret": secret,
                }
            )
        )

    async def post(self, **form: str) -> tuple[int, dict[str, Any]]:
        given = {"grant_type": "client_credentials", "client_id": "leads", "audience": "campaigns"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.url}/oauth2/token", data={**given, **form}) as answer,
        ):
            return answer.status, await answer.json()


def hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def accounts(
    make_database: Callable[[], str], nats_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Accounts]:
    folder = tmp_path_factory.mktemp("accounts")
    clients = folder / "service clients.json"
    clients.write_text(json.dumps({"leads": hashed(SECRET)}))
    port = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("MEKONG_")},
        "PYTHONPATH": f"{ROOT}:{ROOT / 'gen'}",
        "MEKONG_SEAL_KEY": "seal",
        "MEKONG_DATABASE_URL": make_database(),
        "MEKONG_NATS_URL": nats_url,
        "MEKONG_ISSUER_URL": f"http://127.0.0.1:{port}",
        "MEKONG_HTTP_LISTEN": f"127.0.0.1:{port}",
        "MEKONG_KEY_ENCRYPTION_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "MEKONG_SERVICE_CLIENTS_FILE": str(clients),
        "MEKONG_FIRST_PASSWORD_FILE": str(folder / "first password"),
        "MEKONG_SHUTDOWN_GRACE_SECONDS": "1",
    }
    command = [sys.executable, "-m", "services.accounts"]
    subprocess.run([*command, "migrate"], env=environment, check=True, cwd=ROOT)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, cwd=ROOT, stderr=log)
    try:
        wait_until_ready(process, f"http://127.0.0.1:{port}/.well-known/jwks.json", folder / "log")
        yield Accounts(f"http://127.0.0.1:{port}", clients, nats_url)
    finally:
        process.terminate()
        assert process.wait(10) == 0
    assert SECRET not in (folder / "log").read_text()


def wait_until_ready(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    host, port = url.split("/")[2].split(":")
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        with socket.socket() as probe:
            if probe.connect_ex((host, int(port))) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(log.read_text())


async def eventually(holds: Callable[[], Any], seconds: float = 20) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        try:
            return await holds()
        except (AssertionError, errors.Error):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)


class TestServiceToken:
    async def test_it_is_verified_with_the_published_keys_and_may_do_everything(
        self, accounts: Accounts
    ) -> None:
        token = await eventually(lambda: accounts.source().for_("campaigns"))

        principal = await Verifier(Keys(accounts.url), "campaigns").principal(token)
        assert (principal.subject, principal.kind) == ("leads", "service")
        assert principal.level("contacts", "delete") is Level.ALL

    async def test_it_is_for_the_audience_that_was_asked_for_only(self, accounts: Accounts) -> None:
        token = await eventually(lambda: accounts.source().for_("campaigns"))

        with pytest.raises(errors.Unauthenticated):
            await Verifier(Keys(accounts.url), "notifier").principal(token)

    async def test_two_keys_are_published_so_that_the_next_is_known_before_its_use(
        self, accounts: Accounts
    ) -> None:
        async def published() -> list[dict[str, str]]:
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"{accounts.url}/.well-known/jwks.json") as answer,
            ):
                assert answer.status == 200
                return list((await answer.json())["keys"])

        keys = await eventually(published)
        assert len({key["kid"] for key in keys}) == 2
        assert all("d" not in key for key in keys)


class TestRefusals:
    async def test_a_wrong_secret_an_unknown_client_and_another_grant(
        self, accounts: Accounts
    ) -> None:
        await eventually(lambda: accounts.source().for_("campaigns"))

        wrong = await accounts.post(client_secret="another")
        unknown = await accounts.post(client_id="nobody", client_secret=SECRET)
        grant = await accounts.post(client_secret=SECRET, grant_type="password")
        audience = await accounts.post(client_secret=SECRET, audience="bank")

        scope = await accounts.post(client_secret=SECRET, scope="contacts.read")

        assert wrong == unknown == (401, {"error": "invalid_client"})
        assert scope == (400, {"error": "invalid_scope"})
        assert grant == (400, {"error": "unsupported_grant_type"})
        assert audience == (400, {"error": "invalid_target"})

    async def test_who_goes_on_guessing_is_told_to_wait_and_the_right_secret_is_taken(
        self, accounts: Accounts
    ) -> None:
        await eventually(lambda: accounts.source().for_("campaigns"))

        for _ in range(60):  # each wrong one that is answered doubles the wait for the next
            status, told = await accounts.post(client_secret="guessed")
            if status == 429:
                break

        assert (status, told) == (429, {"error": "slow_down"})
        assert (await accounts.post(client_secret=SECRET))[0] == 200

    async def test_nothing_may_be_done_on_behalf_of_nobody(self, accounts: Accounts) -> None:
        await eventually(lambda: accounts.source().for_("campaigns"))

        with pytest.raises(errors.PermissionDenied):
            await accounts.source().for_("campaigns", "019a8e60-0000-7000-8000-000000000000")


class TestIdentitiesFile:
    async def test_a_secret_that_was_replaced_holds_without_a_restart(
        self, accounts: Accounts
    ) -> None:
        replaced = {"leads": hashed(SECRET), "campaigns": hashed("new")}
        accounts.clients.write_text(json.dumps(replaced))

        token = await eventually(lambda: accounts.source("campaigns", "new").for_("leads"))

        principal = await Verifier(Keys(accounts.url), "leads").principal(token)
        assert principal.subject == "campaigns"
