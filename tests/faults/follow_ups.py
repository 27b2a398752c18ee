"""E-mails of follow-ups in a house that is broken meanwhile, and what became of them."""

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Collection, Sequence

from local.demo.api import Json
from tests.faults.scene import ASK_SECONDS, Scene, TooLate

SENT = ("SENT", "DELIVERED")


async def ended(scene: Scene, follow_up_ids: Sequence[str], seconds: float) -> None:
    """Wait until each has an outcome for all its contacts; its figures sum at every look."""
    deadline = time.monotonic() + seconds
    for follow_up_id in follow_up_ids:
        ask = functools.partial(scene.api.get, f"/follow-ups/{follow_up_id}")
        while True:
            found = await scene.answered(ask)
            progress = {name: int(it) for name, it in found["progress"].items()}
            assert sum(progress.values()) == int(found["contact_count"]), found
            if found["status"] == "COMPLETED":
                break
            if time.monotonic() > deadline:
                raise TooLate(f"{found['status']} {progress}")
            await asyncio.sleep(ASK_SECONDS)


async def proof(
    scene: Scene,
    follow_up_ids: Sequence[str],
    expected: int,
    before: set[str],
    besides: Collection[str] = (),
) -> str:
    """Hold follow-ups against the sandbox, which held messages `before`; say what was found.

    Each of the `expected` messages is there at most once, and exactly once where it was sent.
    Others of the same time are known to their tests, `besides`.
    """
    found = [it async for it in _deliveries(scene, follow_up_ids)]
    ids = [it["message_id"] for it in found if it.get("message_id")]
    sent = {it["message_id"] for it in found if it["state"] in SENT}
    held = {id: n for id, n in (await scene.held("EMAIL")).items() if id not in before}
    pairs = {(it["follow_up_id"], it["contact_id"]) for it in found}

    assert len(pairs) == len(found) == expected
    assert len(set(ids)) == len(ids), "a message stands for two contacts"
    assert all(copies == 1 for copies in held.values()), "somebody got a message twice"
    assert not held.keys() - {*ids, *besides}, "messages arrived that no contact stands for"
    assert not sent - held.keys(), "messages said to be sent did not arrive"
    doubts = sum(it["state"] == "IN_DOUBT" for it in found)
    others = [it for it in found if it["state"] not in (*SENT, "IN_DOUBT")]
    reasons = ", ".join(sorted({f"{it['state']} {it.get('reason', '')}".strip() for it in others}))
    return (
        f"{len(found)} = {len(sent)} sent once + {doubts} in doubt + {len(others)} other"
        f"{f' ({reasons})' if reasons else ''}; 0 lost, 0 doubled"
    )


async def _deliveries(scene: Scene, follow_up_ids: Sequence[str]) -> AsyncIterator[Json]:
    for follow_up_id in follow_up_ids:
        path = f"/follow-ups/{follow_up_id}/deliveries"
        async for it in scene.api.every(path, "deliveries"):
            yield it
