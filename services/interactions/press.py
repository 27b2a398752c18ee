"""Renders templates and prints sheets in a process of its own, under limits of memory and time.

`python -m services.interactions.press` reads one job from stdin and writes one answer to stdout,
both JSON. {"blocks", "values": [{}, …], "known"} gives {"rendered": [[{heading, text}, …], …]} or
{"refusal": {"field", "reason"}}; {"sheet"} gives {"pdf"} in base64.
"""

import base64
from collections.abc import Mapping
from typing import Any

from chassis.confined import child
from services.interactions.domain.proposals import rendering

PRINTING = child.Limits(memory_bytes=1024 * 1024 * 1024, cpu_seconds=8)
RENDERING = child.Limits(memory_bytes=384 * 1024 * 1024, cpu_seconds=2)


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


def _limits(job: Mapping[str, Any]) -> child.Limits:
    return PRINTING if "sheet" in job else RENDERING


if __name__ == "__main__":
    child.main(perform, _limits)
