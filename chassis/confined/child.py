"""The process that does one job: JSON from stdin, the answer as JSON to stdout."""

import json
import resource
import sys
from collections.abc import Callable, Mapping
from typing import Any

Job = Mapping[str, Any]


def main(
    perform: Callable[[Job], Mapping[str, Any]],
    memory_bytes: Callable[[Job], int],
    cpu_seconds: int,
) -> None:
    """Answer one job with `perform`; `memory_bytes` says how much memory a job may take.

    A job that takes more memory answers {"overgrown": reason}; one that takes more processor time
    ends the process with a signal.
    """
    job = json.load(sys.stdin)
    memory = memory_bytes(job)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    try:
        answer = perform(job)
    except MemoryError:
        answer = {"overgrown": "grows too large"}
    json.dump(answer, sys.stdout)
