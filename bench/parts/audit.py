"""The audit log: entries that wait are chained, and the chain is verified."""

import asyncio
import os
import signal
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from google.protobuf.struct_pb2 import Struct
from pydantic import SecretStr

from bench import jobs, meter, seed
from bench.table import Figures
from chassis import db
from chassis.config import ServiceSettings
from chassis.events import publish
from chassis.events.connection import Connection
from local.running import House, house
from services import topology
from services.accounts.audit import verify

ENTRIES, SUBJECTS = 100_000, 10_000
_MARK, _SUBJECT = "bench", "audit.leads"
LONGEST_SECONDS = 900.0


def measure(home: Path, figures: Figures) -> None:
    """Put entries into the stream while accounts is stopped, let it go on, and verify."""
    with house(home) as running:
        asyncio.run(_measure(running, figures))
        figures.peaks("audit", meter.peak_mb(running), "≤ 300 MB")


async def _measure(running: House, figures: Figures) -> None:
    accounts = running.pid("accounts")
    if accounts is None:
        raise jobs.NotMeasured("accounts does not run")
    os.kill(accounts, signal.SIGSTOP)
    try:
        await _publish(running.state["nats_url"])
        before = meter.cpu_seconds(running)
        began = time.monotonic()
    finally:
        os.kill(accounts, signal.SIGCONT)
    await asyncio.to_thread(_wait, running)
    seconds = time.monotonic() - began
    each = meter.each_us(before, meter.cpu_seconds(running), ENTRIES)
    label = f"{ENTRIES:,} audit entries of {SUBJECTS:,} subjects chained"
    figures.add("audit_ingest_per_second", label, ENTRIES / seconds, "/s", "≥ 2,000 /s")
    figures.each("audit", "an audit entry", each)
    await _verify(running, figures)


async def _publish(url: str) -> None:
    connection = Connection(topology.Settings(nats_url=url), _MARK)
    await connection.connected(within=LONGEST_SECONDS)
    try:
        for start in range(0, ENTRIES, publish.BATCH_MESSAGES):
            numbers = range(start, min(start + publish.BATCH_MESSAGES, ENTRIES))
            some = [_outgoing(it) for it in numbers]
            if not all(await publish.publish(connection, some, within=LONGEST_SECONDS)):
                raise jobs.NotMeasured("the broker did not take all")
    finally:
        await connection.close()


def _outgoing(number: int) -> publish.Outgoing:
    """An entry as the relay of a service sends it."""
    id = str(uuid.uuid4())
    headers = {"ce-specversion": "1.0", "ce-id": id, "ce-type": _SUBJECT, "ce-source": "leads"}
    headers |= {"ce-time": datetime.now(UTC).isoformat(), "key": "contact/1", "revision": "0"}
    return publish.Outgoing(_SUBJECT, _entry(number), id, headers)


def _entry(number: int) -> bytes:
    """A change of a contact as leads tells it."""
    subject = str(uuid.UUID(int=number % SUBJECTS))
    made = Struct()
    made.update(
        {
            "id": str(uuid.uuid4()),
            "time": datetime.now(UTC).isoformat(),
            "service": "leads",
            "actor": {"subject": str(uuid.UUID(int=number % 50)), "kind": "user", "actor": None},
            "action": "contact.update",
            "subject_type": "contact",
            "subject_id": subject,
            "before": {"display_name": "Nguyễn Văn An", "city": "Huế", "revision": 1},
            "after": {"display_name": "Nguyễn Văn An", "city": "Đà Nẵng", "revision": 2},
            "request_id": _MARK,
        }
    )
    return made.SerializeToString()


def _wait(running: House) -> None:
    """Return once all are chained; raises when one is missing or was chained twice."""
    with psycopg.connect(seed.database(running, "accounts"), autocommit=True) as connection:
        ends = time.monotonic() + LONGEST_SECONDS
        while seed.number(connection, _NEWEST) < ENTRIES:
            if time.monotonic() > ends:
                raise TimeoutError(f"not chained within {LONGEST_SECONDS:.0f} s")
            time.sleep(jobs.ASK_SECONDS)
        while (chained := seed.number(connection, _CHAINED)) < ENTRIES:
            time.sleep(jobs.ASK_SECONDS)
    if chained != ENTRIES:
        raise jobs.NotMeasured(f"{chained:,} entries of {ENTRIES:,} were chained")


async def _verify(running: House, figures: Figures) -> None:
    unused = SecretStr("unused")
    settings = ServiceSettings(
        database_url=SecretStr(running.state["databases"]["accounts"]),
        seal_key=unused,
        client_secret=unused,
        nats_url="unused",
        issuer_url="unused",
        client_id="bench",
    )
    sessions = db.sessions(settings, "accounts")
    began, used = time.monotonic(), time.process_time()
    walk = await verify(sessions, [])
    seconds, used = time.monotonic() - began, time.process_time() - used
    await db.dispose(sessions)
    if walk.findings or walk.entries < ENTRIES:
        raise jobs.NotMeasured(f"{walk.entries:,} entries were read: {walk.findings}")
    rate = walk.entries / seconds
    figures.add("audit_verify_per_second", "… and verified", rate, "/s", "≥ 50,000 /s")
    figures.add("audit_verify_us", "  its own CPU, an entry", used * 1e6 / walk.entries, "µs")


_NEWEST = "SELECT coalesce(max(sequence), 0) FROM audit_entries"
_CHAINED = "SELECT count(*) FROM audit_entries WHERE request_id = 'bench'"
