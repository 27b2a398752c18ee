"""The process that does one job: JSON from stdin, the answer as JSON to stdout."""

import json
import resource
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Job = Mapping[str, Any]


class Limits(NamedTuple):
    """What a job may take."""

    memory_bytes: int
    cpu_seconds: int


def main(perform: Callable[[Job], Mapping[str, Any]], limits: Callable[[Job], Limits]) -> None:
    """Answer one job with `perform`, within its `limits`.

    A job that takes more memory answers {"overgrown": reason}; one that takes more processor time
    ends the process with a signal.
    """
    job = json.load(sys.stdin)
    memory, seconds = limits(job)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    try:
        answer = perform(job)
    except MemoryError:
        answer = {"overgrown": "grows too large"}
    json.dump(answer, sys.stdout)
