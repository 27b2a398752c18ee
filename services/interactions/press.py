"""Renders templates and prints sheets in a process of its own, under limits of memory and time.

`python -m services.interactions.press` reads one job from stdin and writes one answer to stdout,
both JSON. {"blocks", "values": [{}, …], "known"} gives {"rendered": [[{heading, text}, …], …]} or
{"refusal": {"field", "reason"}}; {"sheet"} gives {"pdf"} in base64.
"""

import base64
import json
import resource
import sys
from collections.abc import Mapping
from typing import Any

from services.interactions.domain.proposals import rendering

MEMORY_BYTES = 1024 * 1024 * 1024
RENDER_MEMORY_BYTES = 384 * 1024 * 1024
CPU_SECONDS = 8


def main() -> None:
    """Answer one job."""
    job = json.load(sys.stdin)
    _limit(MEMORY_BYTES if "sheet" in job else RENDER_MEMORY_BYTES)
    try:
        answer = perform(job)
    except MemoryError:
        answer = {"refusal": {"field": "", "reason": "grows too large"}}
    json.dump(answer, sys.stdout)


def perform(job: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer to a job; see the module."""
    if "sheet" in job:
        # Imported here, since templates need no printer and it takes a while.
        from services.interactions.domain.proposals import printing

        return {"pdf": base64.b64encode(printing.pdf(job["sheet"])).decode()}
    try:
        rendered = [
            rendering.render(job["blocks"], values, job["known"]) for values in job["values"]
        ]
    except rendering.Refused as refused:
        return {"refusal": {"field": refused.field, "reason": refused.reason}}
    return {"rendered": rendered}


def _limit(memory: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))


if __name__ == "__main__":
    main()
