"""Real events of every kind that services hear of one another."""

import base64
import random
import uuid

from local.demo import job, peers
from tests.faults.proof import Proof
from tests.faults.scene import Scene

NOBODY = {"550 5.1.1 nobody": 0.02}
REPORT = b"""\
From: <feedback@isp.example>\r
Subject: FW\r
MIME-Version: 1.0\r
Content-Type: multipart/report; report-type=feedback-report; boundary="report"\r
\r
--report\r
Content-Type: message/feedback-report\r
\r
Feedback-Type: abuse\r
User-Agent: Faults/1\r
Version: 1\r
\r
--report\r
Content-Type: message/rfc822\r
\r
%b\r
--report--\r
"""


async def run_with_echo(scene: Scene, dice: random.Random) -> Proof:
    """Run a campaign of which some mails are refused for good and somebody complains."""
    await scene.mail_behaves(rcpt=NOBODY, seed=dice.randrange(2**31))
    run_id = await scene.start("EMAIL")
    proof = await scene.proof(run_id)
    await scene.mail_behaves()
    taken = await peers.ids(scene.api, run_id)
    original = scene.kept("EMAIL", min(taken["ACCEPTED"]))
    data = base64.b64encode(REPORT % original).decode()
    told = await scene.api.post(
        "/inbound-mails", {"recipient": "feedback@mekong.localhost", "data": data}
    )
    assert told["kind"] == "COMPLAINED", told
    await scene.drained()  # a run may have ended before its last events are published
    return proof


async def something_of_each(scene: Scene) -> None:
    """Have each subject hold a real event."""
    advertiser_id, _ = await job.sender(scene.api, "EMAIL")
    address = f"{uuid.uuid4()}@poison.example"
    contact = await scene.api.post(
        "/contacts", {"display_name": "Poison", "emails": [{"address": address}]}
    )
    consent = {"advertiser_id": advertiser_id, "purpose": "CARE", "channel": "EMAIL"}
    where = f"/contacts/{contact['id']}/consents"
    given = {"time": "2026-01-02T03:04:05Z", "method": "paper", "evidence": "poison form"}
    await scene.api.post(f"{where}:give", {**consent, **given})
    await scene.api.post(
        f"{where}:withdraw", {**consent, "method": "phone", "evidence": "poison call"}
    )
    body = {"channel": "EMAIL", "address": address, "reason": "poison reason"}
    await scene.api.post("/suppressions", body)
    await scene.api.delete(f"/contacts/{contact['id']}")
    run_id = await scene.start("EMAIL")
    await scene.api.post(f"/runs/{run_id}:pause", {})
    await scene.api.post(f"/runs/{run_id}:resume", {})
    await scene.proof(run_id)
    await run_with_echo(scene, random.Random(1))
