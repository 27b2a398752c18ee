"""An SMSC that keeps what it takes and behaves as the recipient's number says."""

import asyncio
import itertools
from typing import Any
from uuid import UUID

import smpp34

from services.notifier.channels.smpp import Peer, SmppWire, pdu
from services.notifier.channels.smpp.bind import Hear
from services.notifier.workers.receipts import Keeper


class Smsc:
    """Numbers ending in 1 are refused, 2 throttled once, 3 silent, 4 hung up on, 5 bounced."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str]] = []  # message id, part's text
        self.parts: list[smpp34.SubmitSm] = []
        self.sends_receipts = True
        self.receipt_first = False
        self.receipts_acknowledged = 0
        self._throttled: set[str] = set()
        self._ids = itertools.count(1000)
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def start(self) -> None:
        """Listens on a loopback port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def stop(self) -> None:
        """Hangs up and no longer listens."""
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    def wire(
        self, keeper: Keeper, hear: Hear | None = None, *, window: int = 20, **peer: Any
    ) -> SmppWire:
        """A wire to it."""
        made = Peer("127.0.0.1", self.port, "mekong", "secret", **peer)
        return SmppWire(made, keeper.keep, hear, binds=1, window=window)

    async def reply(self, number: str, to: str, text: bytes, coding: int = 0) -> None:
        """Sends what a person wrote back, on every session."""
        deliver = smpp34.DeliverSm(
            number, to, text, esm_class=0, data_coding=coding, sequence_number=7000
        )
        for writer in self._writers:
            if not writer.transport.is_closing():
                writer.write(deliver.encode())

    async def receipt(
        self, reference: str, stat: str, to: str = "84", ours: bytes = b"", *, times: int = 1
    ) -> None:
        """Sends a receipt on every session."""
        tlvs = [smpp34.Tlv(pdu.TLV_MESSAGE_ID, ours)] if ours else []
        text = f"id:{reference} sub:001 dlvrd:001 submit date:2611210900 done date:2611210901 "
        for number in range(times):
            deliver = smpp34.DeliverSm(
                to,
                "SONGHONG",
                (text + f"stat:{stat} err:000 text:").encode(),
                esm_class=4,
                tlvs=tlvs,
                sequence_number=5000 + number,
            )
            for writer in self._writers:
                if not writer.transport.is_closing():
                    writer.write(deliver.encode())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        try:
            while True:
                await self._handle(await pdu.read(reader), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.transport.abort()

    async def _handle(self, got: pdu.Pdu, writer: asyncio.StreamWriter) -> None:
        def answer(status: int = 0, body: bytes = b"") -> None:
            writer.write(pdu.simple(got.command | pdu.RESPONSE, got.sequence, status, body))

        match got.command:
            case pdu.BIND_TRANSCEIVER:
                answer(body=b"fake\x00")
            case pdu.ENQUIRE_LINK:
                answer()
            case pdu.SUBMIT_SM:
                await self._submit(got, writer)
            case command if command == pdu.DELIVER_SM | pdu.RESPONSE and got.status == 0:
                self.receipts_acknowledged += 1

    async def _submit(self, got: pdu.Pdu, writer: asyncio.StreamWriter) -> None:
        sm = smpp34.decode(got.raw)
        assert isinstance(sm, smpp34.SubmitSm)
        to, last = sm.destination_addr, sm.destination_addr[-1]
        ours = bytes(next(it.value for it in sm.tlvs if it.tag == pdu.TLV_MESSAGE_ID))

        def answer(status: int, reference: str = "") -> None:
            body = reference.encode() + b"\x00" if reference else b""
            writer.write(pdu.simple(pdu.SUBMIT_SM | pdu.RESPONSE, got.sequence, status, body))

        if last == "1":
            answer(0x0B)
            return
        if last == "2" and to not in self._throttled:
            self._throttled.add(to)
            answer(0x58)
            return
        self.taken.append((str(UUID(bytes=ours)), to))
        self.parts.append(sm)
        reference = f"{next(self._ids):08X}"
        stat = "UNDELIV" if last == "5" else "DELIVRD"
        if last == "4":
            writer.transport.abort()
        elif last == "3":
            pass
        elif self.receipt_first:
            await self.receipt(reference, stat, to)
            answer(0, reference)
        else:
            answer(0, reference)
            if self.sends_receipts:
                await self.receipt(reference, stat, to, times=2)
