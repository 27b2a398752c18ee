"""Renders messages in a process of its own, under limits of memory and time.

`python -m services.interactions.admission` reads one job from stdin and writes one answer to
stdout, both JSON: {"parts", "limits", "values": [{}, …]} gives {"unknown": {name: part},
"rendered": [{} or {"refusal"}, …]} or {"refusal": {"field", "reason", "line"}}. Whoever starts it
sees a template that runs or grows for ever as a process that was ended.
"""

import json
import resource
import sys
from collections.abc import Mapping
from typing import Any

from services.interactions.domain import rendering

MEMORY_BYTES = 384 * 1024 * 1024
CPU_SECONDS = 2


def main() -> None:
    """Answer one job."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    try:
        answer = perform(json.load(sys.stdin))
    except MemoryError:
        answer = {"refusal": {"field": "", "reason": "grows too large", "line": 0}}
    json.dump(answer, sys.stdout)


def perform(job: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer to a job; see the module."""
    try:
        renderer = rendering.Renderer(job["parts"], job["limits"])
        unknown = renderer.unknown()
    except rendering.Refused as refused:
        return {"refusal": vars(refused.refusal)}
    rendered = [_rendered(renderer, values) for values in job["values"]]
    return {"unknown": unknown, "rendered": rendered}


def _rendered(renderer: rendering.Renderer, values: Mapping[str, str]) -> dict[str, Any]:
    try:
        return renderer.render(values)
    except rendering.Refused as refused:
        return {"refusal": vars(refused.refusal)}


if __name__ == "__main__":
    main()
