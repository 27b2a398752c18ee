"""Renders messages in a process of its own, under limits of memory and time.

`python -m services.interactions.admission` reads one job from stdin and writes one answer to
stdout, both JSON: {"parts", "limits", "values": [{}, …]} gives {"unknown": {name: part},
"rendered": [{} or {"refusal"}, …]} or {"refusal": {"field", "reason", "line"}}. A template
that runs or grows for ever ends the process, or is told as `child` says.
"""

from collections.abc import Mapping
from typing import Any

from chassis.confined import child
from services.interactions.domain import rendering

LIMITS = child.Limits(memory_bytes=384 * 1024 * 1024, cpu_seconds=2)


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
    child.main(perform, lambda _: LIMITS)
