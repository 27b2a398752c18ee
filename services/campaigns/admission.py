"""Renders a template in a process of its own, under limits of memory and time.

`python -m services.campaigns.admission` reads one job from stdin and writes one answer to stdout,
both JSON: {"fields", "limits", "markup", "values": [{}, …]} gives {"fields" as compiled,
"variables", "rendered": [{} or {"refusal"}, …]} or {"refusal": {"field", "reason", "line"}}.
A template that runs or grows for ever ends the process, or is told as `child` says.
"""

from collections.abc import Mapping
from typing import Any

from chassis.confined import child
from services.campaigns.domain import markup, plain, rendering
from services.campaigns.domain.kinds import Markup

LIMITS = child.Limits(memory_bytes=384 * 1024 * 1024, cpu_seconds=2)


def perform(job: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer to a job; see the module."""
    try:
        fields = _compiled(job["fields"], job["markup"])
        renderer = rendering.Renderer(rendering.Source(fields, job["limits"]))
        variables = sorted(renderer.variables())
    except rendering.Refused as refused:
        return {"refusal": _told(refused.refusal)}
    return {
        "fields": fields,
        "variables": variables,
        "rendered": [_rendered(renderer, values) for values in job["values"]],
    }


def _compiled(fields: Mapping[str, str], written_in: str | None) -> Mapping[str, str]:
    """The fields with their HTML compiled, and a text part where there is none."""
    if written_in is None:
        return fields
    html = markup.compiled(fields["html"], Markup(written_in))
    return {**fields, "html": html, "text": fields["text"] or plain.from_html(html)}


def _rendered(renderer: rendering.Renderer, values: Mapping[str, str]) -> dict[str, Any]:
    try:
        return renderer.render(values)
    except rendering.Refused as refused:
        return {"refusal": _told(refused.refusal)}


def _told(refusal: rendering.Refusal) -> dict[str, Any]:
    return {"field": refusal.field, "reason": refusal.reason, "line": refusal.line}


if __name__ == "__main__":
    child.main(perform, lambda _: LIMITS)
