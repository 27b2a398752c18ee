"""E-mail into smtp-sink for 200,000: unsigned and signed, and where each microsecond goes."""

import asyncio
from pathlib import Path

from bench import jobs, meter, seed
from bench.sink import Sink, house_with_sink
from bench.table import Figures
from local.demo import content, job
from local.demo.api import Api
from local.running import House
from services.notifier.channels.dkim import keys

PEOPLE = 200_000
WARM = 5_000
# A sender's domain decides who signs: the folder has a key for each but the first.
DOMAINS = {
    "unsigned": content.SENDERS["EMAIL"]["address"].partition("@")[2],
    "ed25519": "ed25519.example",
    "rsa": "rsa.example",
}
LABELS = {"unsigned": "unsigned", "ed25519": "signed by Ed25519", "rsa": "signed by RSA-2048"}


def measure(home: Path, figures: Figures) -> None:
    """Advertise to the same people three times, the most a day allows, after a run that warms up.

    The warming run is of care, which does not count against the cap.
    """
    _keys(home / "dkim")
    with house_with_sink(home, f"--set=notifier.dkim_folder={home}/dkim") as (running, mails):
        asyncio.run(_measure(running, mails, figures))
        figures.peaks("email", meter.peak_mb(running))


def _keys(folder: Path) -> None:
    folder.mkdir()
    for name in ("ed25519", "rsa"):
        pem = keys.pem(keys.generate(rsa=name == "rsa"))
        (folder / f"bench._domainkey.{DOMAINS[name]}").write_bytes(pem)


async def _measure(running: House, mails: Sink, figures: Figures) -> None:
    async with Api(jobs.access(running.state)) as api:
        segments = await seed.segments(running, api, [WARM, PEOPLE])
        await jobs.send(api, "EMAIL", segments[WARM])
        for name in DOMAINS:
            sender_id = await _sender(api, name)
            before, stages = meter.cpu_seconds(running, sink=mails.pid), meter.stages(running)
            taken = mails.mails()
            sent = await jobs.send(api, "EMAIL", segments[PEOPLE], sender_id, "MARKETING")
            if mails.mails() - taken != sent.planned:
                raise jobs.NotMeasured(f"the sink saw {mails.mails() - taken} mails")
            figures.add(
                f"email_{name}_per_second",
                f"e-mail into smtp-sink, {sent.planned:,} {LABELS[name]}",
                sent.messages_per_second,
                "messages/s",
                "≥ 7,000/s",
            )
            after = meter.cpu_seconds(running, sink=mails.pid)
            each = meter.each_us(before, after, sent.planned)
            figures.each(f"email_{name}", LABELS[name], each)
            spent = meter.each_us(stages, meter.stages(running), sent.planned)
            figures.each(f"email_{name}_stage", f"{LABELS[name]}, stage", spent)


async def _sender(api: Api, name: str) -> str:
    """Return the id of the sender identity of a domain, made if it is not there."""
    advertiser_id, identity_id = await job.sender(api, "EMAIL")
    if name == "unsigned":
        return identity_id
    made = await api.post(
        "/sender-identities",
        {
            **content.SENDERS["EMAIL"],
            "advertiser_id": advertiser_id,
            "channel": "EMAIL",
            "address": f"chamsoc@{DOMAINS[name]}",
        },
    )
    return str(made["id"])
