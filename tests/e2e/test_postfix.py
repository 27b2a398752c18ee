"""A campaign goes through a real Postfix into a mailbox, and its mail is what was promised."""

import asyncio
import email
import email.policy
import re
import shutil
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiohttp
import dkim
import pytest

from bench.jobs import access
from local import running
from local.demo import content, job
from local.demo.api import Api
from services.notifier import inbound
from services.notifier.channels.dkim import keys
from services.notifier.domain import tokens
from tests.e2e import mailbox

WHY_NOT = mailbox.why_not()
pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT),
]
SENDER = content.SENDERS["EMAIL"]["address"]
PERSON, NOBODY = "dao", "khong-co-ai"


@dataclass(frozen=True)
class Sent:
    """What came of one campaign to a person who has a mailbox and one who has none."""

    raw: bytes
    mail: EmailMessage
    run: dict[str, Any]
    recipients: list[dict[str, Any]]
    records: dict[str, str]
    mac_key: str


@pytest.fixture(scope="module")
def server() -> Iterator[mailbox.Postfix]:
    with mailbox.postfix([PERSON]) as made:
        yield made


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A key of each algorithm for the sender's domain, and what the DNS would say."""
    folder, found = tmp_path_factory.mktemp("dkim"), {}
    for selector, rsa in (("rsa1", True), ("ed1", False)):
        private = keys.generate(rsa=rsa)
        name = f"{selector}._domainkey.{SENDER.partition('@')[2]}"
        (folder / name).write_bytes(keys.pem(private))
        found[f"{name}."] = keys.record(private)
    return folder, found


@pytest.fixture(scope="module")
def own_house(
    server: mailbox.Postfix,
    records: tuple[Path, dict[str, str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[running.House]:
    """A house that hands its mails to that Postfix."""
    home = tmp_path_factory.mktemp("house with postfix") / "home"
    told = {
        "smtp_url": f"smtp://127.0.0.1:{server.port}",
        "dkim_folder": records[0],
        "mail_domain": mailbox.RETURN_DOMAIN,
    }
    options = [it for name, value in told.items() for it in ("--set", f"notifier.{name}={value}")]
    with running.house(home, *options) as house:
        yield house


@pytest.fixture(scope="module")
async def api(own_house: running.House) -> AsyncIterator[Api]:
    async with Api(access(own_house.state)) as api:
        yield api


async def person(api: Api, name: str) -> str:
    """A new contact who agreed to mails of care."""
    contact = await api.post(
        "/contacts",
        {
            "display_name": "Nguyễn Thị Đào",
            "emails": [{"address": f"{name}@{mailbox.DOMAIN}"}],
        },
    )
    advertiser_id, _ = await job.sender(api, "EMAIL")
    entry = {
        "advertiser_id": advertiser_id,
        "purpose": "CARE",
        "channel": "EMAIL",
        "time": "2026-01-02T03:04:05Z",
        "method": "paper",
        "evidence": "form 1",
    }
    await api.post(f"/contacts/{contact['id']}/consents:give", entry)
    return str(contact["id"])


async def campaign(api: Api, people: list[str]) -> dict[str, Any]:
    """A campaign of care to these people, at its end."""
    advertiser_id, identity_id = await job.sender(api, "EMAIL")
    made = await api.post(
        "/campaigns",
        {
            "name": f"Thư {uuid.uuid4()}",
            "channel": "EMAIL",
            "purpose": "CARE",
            "advertiser_id": advertiser_id,
            "sender_identity_id": identity_id,
            "template_id": await job.template(api, "EMAIL"),
            "audience": {"contact_ids": people},
        },
    )
    run = await api.post(f"/campaigns/{made['id']}:start", {}, key=str(uuid.uuid4()))
    return await job.follow(api, run["id"], "EMAIL", lambda *_: None)


@pytest.fixture(scope="module")
async def people(api: Api) -> list[str]:
    return [await person(api, PERSON), await person(api, NOBODY)]


@pytest.fixture(scope="module")
async def sent(
    api: Api,
    own_house: running.House,
    server: mailbox.Postfix,
    records: tuple[Path, dict[str, str]],
    people: list[str],
) -> Sent:
    run = await campaign(api, people)
    (raw,) = server.arrived(PERSON)
    strict = email.policy.default.clone(raise_on_defect=True)
    parsed = email.message_from_bytes(raw, policy=strict)
    assert isinstance(parsed, EmailMessage)
    found = [it async for it in api.every(f"/runs/{run['id']}/recipients", "recipients")]
    mac_key = (own_house.home / "secrets" / "mac_key").read_text()
    return Sent(raw, parsed, run, found, records[1], mac_key)


class TestTheMailInItsBox:
    async def test_it_has_the_headers_that_were_promised(self, sent: Sent) -> None:
        mail = sent.mail
        (taken,) = [it for it in sent.recipients if it["state"] == "ACCEPTED"]

        assert mail["To"] == f"{PERSON}@{mailbox.DOMAIN}"
        assert mail["From"].addresses[0].addr_spec == SENDER
        assert mail["From"].addresses[0].display_name == "Cửu Long Xanh"
        assert mail["Reply-To"] == content.SENDERS["EMAIL"]["reply_to"]
        assert "lịch chăm sóc đã được cập nhật" in mail["Subject"]
        assert mail["Message-ID"] == f"<{taken['message_id']}@tra.cuulongxanh.example>"
        assert mail["Date"].datetime is not None
        assert mail["Auto-Submitted"] == "auto-generated"
        assert mail["List-Id"].endswith(".lists.tra.cuulongxanh.example>")
        assert re.fullmatch(r"[^:]+:[^:]+:[^:]+:[A-Za-z0-9]{5,15}", mail["Feedback-ID"])
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert re.fullmatch(r"<https?://\S+/u/\S+>", mail["List-Unsubscribe"])
        kinds = [part.get_content_type() for part in mail.iter_parts()]
        assert kinds == ["text/plain", "text/html"]
        assert all(not part.defects for part in mail.walk())

    async def test_its_return_path_names_the_message_and_cannot_be_made_by_others(
        self, sent: Sent
    ) -> None:
        path = sent.mail["Return-Path"].strip("<>")
        (taken,) = [it for it in sent.recipients if it["state"] == "ACCEPTED"]

        key = tokens.read_return_path(path, sent.mac_key.encode())

        assert key is not None
        assert str(key.message_id) == taken["message_id"]
        assert tokens.read_return_path(path.replace("b-", "b-f", 1), b"x" * 32) is None

    async def test_dkimpy_verifies_both_signatures(self, sent: Sent) -> None:
        def lookup(name: bytes, timeout: int = 5) -> bytes:
            return sent.records[name.decode()].encode()

        signed = dkim.DKIM(sent.raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))

        assert [signed.verify(idx=at, dnsfunc=lookup) for at in (0, 1)] == [True, True]
        covered = {name.lower() for name, _ in signed.signed_headers}
        assert covered >= {b"from", b"subject", b"list-unsubscribe", b"list-unsubscribe-post"}

    async def test_who_has_no_mailbox_is_a_failure_with_the_servers_words(self, sent: Sent) -> None:
        (failed,) = [it for it in sent.recipients if it["state"] == "FAILED"]

        assert failed["reason"] == "ADDRESS_INVALID"
        assert sent.run["counts"]["failed"] == 1


class TestWhatComesBack:
    async def test_a_bounce_that_postfix_pipes_to_us_moves_its_message_and_closes_the_address(
        self, api: Api, own_house: running.House, server: mailbox.Postfix
    ) -> None:
        server.returns_to(command(own_house, server.folder))
        closed = await person(api, mailbox.CLOSED)

        run = await campaign(api, [closed])

        async def bounced() -> bool:
            return bool((await api.get(f"/runs/{run['id']}"))["counts"]["bounced"])

        async def invalid() -> bool:
            return not (await api.get(f"/contacts/{closed}"))["emails"][0]["valid"]

        await until(bounced, server)
        await until(invalid, server)


def command(house: running.House, folder: Path) -> str:
    """How Postfix hands over what comes back: a file that needs nothing but Python."""
    script, secret = folder / "inbound.py", folder / "secret"
    shutil.copy(inbound.__file__, script)
    shutil.copy(house.state["client_secret_file"], secret)
    secret.chmod(0o644)
    return (
        f"/usr/bin/python3 {script} --gateway {house.state['gateway_url']}"
        f" --client-id {house.state['client_id']} --secret-file {secret}"
    )


async def until(true: Callable[[], Awaitable[bool]], server: mailbox.Postfix) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + 3 * mailbox.SECONDS
    while not await true():
        assert time.monotonic() < deadline, server.log
        await asyncio.sleep(0.2)


class TestItsLink:
    async def test_looking_changes_nothing_and_one_click_ends_it(
        self, sent: Sent, api: Api, server: mailbox.Postfix, people: list[str]
    ) -> None:
        link = str(sent.mail["List-Unsubscribe"]).strip("<>")
        async with aiohttp.ClientSession() as http:
            for method in ("GET", "HEAD"):
                async with http.request(method, link) as answer:
                    assert answer.status == 200
            await campaign(api, people[:1])
            assert len(server.arrived(PERSON, 2)) == 2

            body = {"List-Unsubscribe": "One-Click"}
            async with http.post(link, data=body, allow_redirects=False) as answer:
                assert answer.status == 200
                assert not answer.cookies

        run = await campaign(api, people[:1])

        assert run["counts"].get("accepted", 0) == 0
        assert len(server.mails(PERSON)) == 2
