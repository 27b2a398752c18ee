"""The main job's steps: a file becomes contacts, contacts a segment, the segment two runs."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from local.demo import content
from local.demo.api import Api, Json, Refused

CHANNELS = ("EMAIL", "SMS")
POLL_SECONDS = 0.2
IMPORT_ENDS = {"CHECKED", "COMPLETED", "FAILED"}
RUN_ENDS = {"COMPLETED", "CANCELLED", "EXPIRED"}

Tell = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Sending:
    """One channel's campaign and its run; `run` is empty when there was nobody to send to."""

    channel: str
    campaign_id: str
    run: Json


@dataclass(frozen=True)
class Job:
    """What the main job made, or found as made before from the same file."""

    imported: Json
    sendings: tuple[Sending, ...]


def mark(file: Path) -> str:
    """Return a short name of a file's content: what makes the same file the same job."""
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]


async def sender(api: Api, channel: str, wanted: Json | None = None) -> tuple[str, str]:
    """Return the ids of the advertiser and of its sender identity, adding what is missing.

    The identity is the one that the main job sends by, unless another is `wanted`.
    """
    one = wanted or content.SENDERS[channel]
    advertisers = [item async for item in api.every("/advertisers", "advertisers")]
    mine = [item for item in advertisers if item["name"] == content.ADVERTISER["name"]]
    advertiser = mine[0] if mine else await api.post("/advertisers", content.ADVERTISER)
    among = {"advertiser_id": advertiser["id"], "channel": channel}
    listed = [i async for i in api.every("/sender-identities", "sender_identities", **among)]
    known = [item for item in listed if item["address"] == one["address"]]
    identity = known[0] if known else await api.post("/sender-identities", {**among, **one})
    return advertiser["id"], identity["id"]


async def senders(api: Api) -> dict[str, str]:
    """Return by setting the ids of who sends to colleagues and customers, adding what is missing.

    Customers get invitations and codes by the senders of the main job.
    """
    _, staff = await sender(api, "EMAIL", content.STAFF_SENDER)
    _, email = await sender(api, "EMAIL")
    _, sms = await sender(api, "SMS")
    return {
        "staff_sender_identity_id": staff,
        "contact_email_identity_id": email,
        "contact_sms_identity_id": sms,
    }


async def bring_in(api: Api, file: Path, tell: Tell, *, dry_run: bool) -> Json:
    """Upload the file and run the import, or only the dry run; return it when it has ended."""
    advertiser_id, _ = await sender(api, "EMAIL")
    uploaded = await api.upload("/imports", file, key=f"main-job-{mark(file)}")
    if uploaded["state"] in {"UPLOADED", "CHECKED"}:
        columns = {entry.get("field", "") for entry in uploaded.get("mapping", ())}
        body: Json = {"dry_run": dry_run, "tags": [tag(file)]}
        if "consent_evidence" in columns:
            body["consent"] = {
                "advertiser_id": advertiser_id,
                "purposes": ["CARE", "MARKETING"],
                "channels": list(CHANNELS),
            }
        await api.post(f"/imports/{uploaded['id']}:start", body)
    while True:
        current = await api.get(f"/imports/{uploaded['id']}")
        ledger = current.get("ledger", {})
        tell("import", ledger.get("rows", 0), current.get("total_rows", 0))
        if current["state"] in IMPORT_ENDS:
            return current
        await asyncio.sleep(POLL_SECONDS)


def tag(file: Path) -> str:
    """Return the tag that the people of a file get."""
    return f"file-{mark(file)}"


async def segment(api: Api, file: Path) -> str:
    """Return the id of the segment of the file's people, made if it is not there."""
    name = f"{file.name} · {mark(file)}"
    async for known in api.every("/segments", "segments"):
        if known["name"] == name:
            return str(known["id"])
    definition = {"conditions": [{"tag": {"tags": [tag(file)]}}]}
    made = await api.post("/segments", {"name": name, "definition": definition})
    return str(made["id"])


async def template(api: Api, channel: str) -> str:
    """Return the id of the channel's template, made if it is not there."""
    wanted = content.TEMPLATES[channel]
    async for known in api.every("/templates", "templates", channel=channel):
        if known["name"] == wanted["name"]:
            return str(known["id"])
    made = await api.post("/templates", {"channel": channel, **wanted})
    return str(made["id"])


async def send(api: Api, file: Path, channel: str, segment_id: str, tell: Tell) -> Sending:
    """Start the channel's campaign to the segment and return when its run has ended."""
    advertiser_id, identity_id = await sender(api, channel)
    campaign = await api.post(
        "/campaigns",
        {
            "name": f"{content.TITLES[channel]} · {file.name}",
            "channel": channel,
            "purpose": "CARE",
            "advertiser_id": advertiser_id,
            "sender_identity_id": identity_id,
            "template_id": await template(api, channel),
            "audience": {"segment_ids": [segment_id]},
        },
        key=f"campaign-{channel}-{mark(file)}",
    )
    try:
        run = await api.post(
            f"/campaigns/{campaign['id']}:start", {}, key=f"run-{channel}-{mark(file)}"
        )
    except Refused as refusal:
        if refusal.reason != "AUDIENCE_EMPTY":
            raise
        return Sending(channel, campaign["id"], {})
    return Sending(channel, campaign["id"], await follow(api, run["id"], channel, tell))


async def follow(api: Api, run_id: str, channel: str, tell: Tell) -> Json:
    """Return the run once it has ended, telling its progress on the way."""
    while True:
        run = await api.get(f"/runs/{run_id}")
        counts = run.get("counts", {})
        open_ = sum(counts.get(name, 0) for name in ("waiting", "handed_over", "deferred"))
        tell(channel, run.get("planned", 0) - open_, run.get("planned", 0))
        if run["state"] in RUN_ENDS:
            return run
        await asyncio.sleep(POLL_SECONDS)


async def do(api: Api, file: Path, tell: Tell) -> Job:
    """Do the whole main job with `file`; both channels send at the same time."""
    imported = await bring_in(api, file, tell, dry_run=False)
    if imported["state"] == "FAILED":
        return Job(imported, ())
    segment_id = await segment(api, file)
    for channel in CHANNELS:
        await sender(api, channel)
    sendings = await asyncio.gather(
        *(send(api, file, channel, segment_id, tell) for channel in CHANNELS)
    )
    return Job(imported, tuple(sendings))
