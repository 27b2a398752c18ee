"""Structured logs on stderr: one JSON object an event, with request and trace ids."""

import logging
import re
import sys
from typing import Protocol

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

# The database quotes the row it refused, and rows are about people.
_QUOTED_ROW = re.compile(
    r"^(\s*)(DETAIL|CONTEXT|WHERE):.*?(?=\n\s*(?:\[SQL|\(Background|HINT:|Traceback|The above"
    r"|During handling|LINE )|\n\n|\Z)",
    re.MULTILINE | re.DOTALL,
)


class Settings(Protocol):
    """What is read of a process's settings."""

    @property
    def log_level(self) -> str:
        """debug, info, warning or error."""

    @property
    def log_format(self) -> str:
        """json or console."""

    @property
    def instance(self) -> str:
        """Which replica writes."""


def configure(settings: Settings, service: str) -> None:
    """Sends every log of this process, that of libraries included, to stderr in one shape."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    shared = _shared(service, settings.instance)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_rendering(settings.log_format),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Libraries speak of every connection and migration step at info; ours say what matters.
    for talkative in ("alembic", "aiohttp.access", "asyncio", "nats", "sqlalchemy", "grpc"):
        logging.getLogger(talkative).setLevel(max(level, logging.WARNING))


def _shared(service: str, instance: str) -> list[Processor]:
    def name_the_process(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        return {"service": service, "instance": instance, **event}

    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        name_the_process,
        structlog.processors.format_exc_info,
        withhold_rows,
    ]


def _rendering(log_format: str) -> list[Processor]:
    if log_format == "console":
        return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), timestamp_key="time")]
    return [_first_things_first, structlog.processors.JSONRenderer(ensure_ascii=False)]


def withhold_rows(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Takes the database's quotation of a row out of every text that is logged."""
    for name, value in event.items():
        if isinstance(value, str) and ("DETAIL:" in value or "CONTEXT:" in value):
            event[name] = _QUOTED_ROW.sub(r"\1\2: (withheld)", value)
    return event


def _first_things_first(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    first = ("time", "level", "event", "service", "instance", "request_id", "trace_id")
    return {**{name: event[name] for name in first if name in event}, **event}
