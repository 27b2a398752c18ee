"""Logs: their shape, and what never gets into them."""

import json
import logging as stdlib_logging
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import structlog

from chassis import context, logging

ROW = 'Key (email)=(dao.thi.hoa@example.com) already exists.\nmore of "her" row'


@dataclass
class Replica:
    instance: str = "pod-1"
    log_level: str = "info"
    log_format: str = "json"


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = stdlib_logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


class TestShape:
    def test_an_event_is_one_json_object_with_the_ids_of_its_call(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        logging.configure(Replica(), "leads")

        with context.bind(request_id="r1", traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01"):
            structlog.get_logger("x").info("chunk_taken", chunk_id="c1")

        (line,) = lines(capsys)
        assert line.pop("time").endswith("Z")
        assert line == {
            "level": "info",
            "event": "chunk_taken",
            "service": "leads",
            "instance": "pod-1",
            "request_id": "r1",
            "trace_id": "a" * 32,
            "chunk_id": "c1",
        }

    def test_libraries_write_in_the_same_shape(self, capsys: pytest.CaptureFixture[str]) -> None:
        logging.configure(Replica(), "leads")

        stdlib_logging.getLogger("some.library").warning("pool of %d is full", 10)

        (line,) = lines(capsys)
        assert line["event"] == "pool of 10 is full"
        assert (line["level"], line["service"]) == ("warning", "leads")

    def test_what_is_below_the_level_is_not_written(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        logging.configure(Replica(log_level="warning"), "leads")

        structlog.get_logger("x").info("quiet")
        structlog.get_logger("x").warning("loud")

        assert [line["event"] for line in lines(capsys)] == ["loud"]

    def test_the_console_is_for_people(self, capsys: pytest.CaptureFixture[str]) -> None:
        logging.configure(Replica(log_format="console"), "leads")

        structlog.get_logger("x").info("chunk_taken", chunk_id="c1")

        assert "chunk_taken" in capsys.readouterr().err


class TestPersonalData:
    def test_a_row_quoted_by_the_database_is_withheld(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        logging.configure(Replica(), "leads")

        try:
            raise ValueError(f"duplicate key\nDETAIL:  {ROW}\n[SQL: INSERT INTO contacts]")
        except ValueError:
            structlog.get_logger("x").exception("call_failed")

        (line,) = lines(capsys)
        assert "dao.thi.hoa" not in json.dumps(line)
        assert "her" not in line["exception"].partition("DETAIL")[2].partition("[SQL")[0]
        assert "duplicate key" in line["exception"]
        assert "INSERT INTO contacts" in line["exception"]

    def test_a_row_at_the_end_of_the_text_is_withheld_too(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        logging.configure(Replica(), "leads")

        structlog.get_logger("x").error("copy_failed", error=f"bad\nCONTEXT:  COPY, line 1: {ROW}")

        (line,) = lines(capsys)
        assert line["error"] == "bad\nCONTEXT: (withheld)"
