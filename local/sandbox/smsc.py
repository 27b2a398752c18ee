"""An SMSC that takes every bind and every message, keeps it on disk and then says so.

Reads of a submit_sm: the sender's own message id in the vendor TLV 0x1501 (16 bytes), text from
short_message or the message_payload TLV, the place in a long message from the user data header or
the sar_* TLVs. One row is kept per submit_sm; copies are counted per message id and part.
Any system id and password may bind. Receipts are asked for by registered_delivery (bits 0-1) and
sent until they are acknowledged, to the session that submitted or another of its system id;
they echo the TLV 0x1501, so that a message whose answer was lost can still be recognised.

The last digits of the recipient choose a fault:

| recipient ends in | what happens                                                        |
|-------------------|---------------------------------------------------------------------|
| 9990001           | refused: ESME_RINVDSTADR                                            |
| 9990002           | refused for now: ESME_RTHROTTLED                                    |
| 9990003           | kept, never answered                                                |
| 9990004           | kept, and every connection is cut instead of an answer              |
| 9990005           | accepted, the receipt says UNDELIV                                  |
| 9990006           | accepted, no receipt ever                                           |
"""

import asyncio
import contextlib
import itertools
import os
import secrets
import socket
import sqlite3
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import smpp34

from local import ports
from local.sandbox import sms_text
from local.sandbox.store import Receipt, Received, Store

ESME_RSYSERR = 0x08
ESME_RINVDSTADR = 0x0B
ESME_RTHROTTLED = 0x58
TLV_RECEIPTED_MESSAGE_ID = 0x001E
TLV_MESSAGE_STATE = 0x0427

REFUSED = {"9990001": ESME_RINVDSTADR, "9990002": ESME_RTHROTTLED}
SILENT = "9990003"
CLOSE = "9990004"
UNDELIVERABLE = "9990005"
NO_RECEIPT = "9990006"

RECEIPT_DELAY_SECONDS = 0.5
RECEIPTS_AT_ONCE = 32
RECEIPT_ANSWER_SECONDS = 10.0
RETRY_SECONDS = 1.0
INBOUND_CAPACITY = 20_000  # beyond it the library refuses, which would look like a fault
MESSAGE_STATES = {"DELIVRD": 2, "UNDELIV": 5}
DELIVERY_RECEIPT = 0x04  # esm_class


@dataclass(frozen=True, slots=True)
class Due:
    """A receipt to send: not before `at` (seconds of the event loop's clock)."""

    at: float
    session_id: str
    system_id: str
    provider_id: str
    message_id: str
    sender: str
    recipient: str
    submitted: float


class Smsc:
    """Listens on one loopback port until it is closed."""

    def __init__(
        self, store: Store, port: int, *, receipt_delay_seconds: float = RECEIPT_DELAY_SECONDS
    ) -> None:
        self._store = store
        self._port = port
        self._delay = receipt_delay_seconds
        self._server = smpp34.Server(
            ports.LOOPBACK, port, system_id="sandbox", inbound_capacity=INBOUND_CAPACITY
        )
        self._boot = secrets.token_hex(4)  # provider ids stay unique over restarts
        self._numbers = itertools.count(1)
        self._sessions: dict[str, smpp34.Esme] = {}
        self._unanswered: list[smpp34.SubmitSmEvent] = []  # a dropped event would be refused
        self._due: asyncio.Queue[Due] = asyncio.Queue()
        self._parked: list[Due] = []  # nobody is bound to take them
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Start to listen; receipts still due from an earlier run are sent when somebody binds."""
        await self._server.start()
        for row in await self._store.awaiting_receipt():
            self._parked.append(_due_again(row))
        self._spawn(self._serve())
        for _ in range(RECEIPTS_AT_ONCE):
            self._spawn(self._send_receipts())

    async def close(self) -> None:
        """Stop; receipts still due are kept for the next run."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.stop()

    async def _serve(self) -> None:
        while True:
            event = await self._server.next()
            if isinstance(event, smpp34.SubmitSmEvent):
                self._spawn(self._submitted(event))
            elif isinstance(event, smpp34.Esme):
                self._sessions[event.session_id] = event
                parked, self._parked = self._parked, []
                for due in parked:
                    self._due.put_nowait(due)
            else:
                self._sessions.pop(event.session_id, None)

    async def _submitted(self, event: smpp34.SubmitSmEvent) -> None:
        fault = event.destination_addr[-7:]
        if fault in REFUSED:
            event.reject(REFUSED[fault])
            return
        record = self._record(event, fault)
        try:
            await self._store.add(record)
        except sqlite3.Error:
            event.reject(ESME_RSYSERR)
            return
        if fault == SILENT:
            self._unanswered.append(event)
        elif fault == CLOSE:
            self._unanswered.append(event)
            cut_connections(self._port)
        else:
            event.accept(record.provider_id)
        if record.receipt:
            self._due.put_nowait(self._due_for(event, record))

    def _record(self, event: smpp34.SubmitSmEvent, fault: str) -> Received:
        segment = sms_text.read(event.short_message, event.esm_class, event.data_coding, event.tlvs)
        session = self._sessions.get(event.session_id)
        asked = event.registered_delivery & 0x03 != 0 and fault != NO_RECEIPT
        return Received(
            channel="sms",
            message_id=segment.message_id,
            part=segment.part,
            parts=segment.parts,
            sender=event.source_addr,
            recipient=event.destination_addr,
            subject=segment.text,
            raw=event.short_message,
            provider_id=f"{self._boot}{next(self._numbers):08x}",
            answer={SILENT: "silent", CLOSE: "closed"}.get(fault, "accepted"),
            receipt="due" if asked else "",
            session=session.system_id if session else "",
        )

    def _due_for(self, event: smpp34.SubmitSmEvent, record: Received) -> Due:
        return Due(
            at=asyncio.get_running_loop().time() + self._delay,
            session_id=event.session_id,
            system_id=record.session,
            provider_id=record.provider_id,
            message_id=record.message_id,
            sender=record.sender,
            recipient=record.recipient,
            submitted=time.time(),
        )

    async def _send_receipts(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = await self._due.get()
            if (wait := due.at - loop.time()) > 0:
                await asyncio.sleep(wait)
            session = self._receiver(due)
            if session is None:
                self._parked.append(due)
            elif await _delivered(session, due):
                receipt = Receipt(due.provider_id, due.message_id, due.recipient, _status(due))
                with contextlib.suppress(sqlite3.Error):  # then it is sent again next time
                    await self._store.add(receipt)
            else:
                loop.call_later(RETRY_SECONDS, self._due.put_nowait, due)

    def _receiver(self, due: Due) -> smpp34.Esme | None:
        own = self._sessions.get(due.session_id)
        if own is not None and own.can_receive:
            return own
        for session in self._sessions.values():
            if session.can_receive and session.system_id == due.system_id:
                return session
        return None

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def cut_connections(port: int) -> None:
    """Cut every connection accepted on `port` by this process.

    The library offers no way to end a connection without a word, which is what a dying SMSC does.
    """
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            duplicate = socket.socket(fileno=os.dup(int(entry.name)))
            with duplicate:
                is_tcp = duplicate.family == socket.AF_INET
                if is_tcp and duplicate.getsockname()[1] == port and duplicate.getpeername():
                    duplicate.shutdown(socket.SHUT_RDWR)


async def _delivered(session: smpp34.Esme, due: Due) -> bool:
    status = _status(due)
    try:
        async with asyncio.timeout(RECEIPT_ANSWER_SECONDS):
            answer = await session.deliver_sm(
                due.sender,
                _receipt_text(due, status),
                source_addr=due.recipient,
                source_addr_ton=1,
                source_addr_npi=1,
                esm_class=DELIVERY_RECEIPT,
                tlvs=_receipt_tlvs(due, status),
            )
    except (smpp34.SmppError, TimeoutError):
        return False
    return answer.is_success


def _status(due: Due) -> str:
    return "UNDELIV" if due.recipient.endswith(UNDELIVERABLE) else "DELIVRD"


def _receipt_text(due: Due, status: str) -> bytes:
    submitted = datetime.fromtimestamp(due.submitted, UTC)
    delivered, error = ("001", "000") if status == "DELIVRD" else ("000", "001")
    return (
        f"id:{due.provider_id} sub:001 dlvrd:{delivered} submit date:{submitted:%y%m%d%H%M} "
        f"done date:{datetime.now(UTC):%y%m%d%H%M} stat:{status} err:{error} text:"
    ).encode()


def _receipt_tlvs(due: Due, status: str) -> list[smpp34.Tlv]:
    tlvs = [
        smpp34.Tlv(TLV_RECEIPTED_MESSAGE_ID, due.provider_id.encode() + b"\0"),
        smpp34.Tlv(TLV_MESSAGE_STATE, bytes([MESSAGE_STATES[status]])),
    ]
    with contextlib.suppress(ValueError):  # the sender gave no id, or one of its own form
        tlvs.append(smpp34.Tlv(sms_text.TLV_MESSAGE_ID, UUID(due.message_id).bytes))
    return tlvs


def _due_again(row: dict[str, object]) -> Due:
    return Due(
        at=0.0,
        session_id="",
        system_id=str(row["session"]),
        provider_id=str(row["provider_id"]),
        message_id=str(row["message_id"]),
        sender=str(row["sender"]),
        recipient=str(row["recipient"]),
        submitted=float(str(row["received_at"])),
    )
