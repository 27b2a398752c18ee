"""Keeps receipts on disk, many to a commit, before the provider is answered."""

import asyncio

from chassis.db import Sessions
from services.notifier.channels.smpp import pdu
from services.notifier.storage import receipts

_MOST = 500
_GATHER_SECONDS = 0.01


class Keeper:
    """Its `keep` returns once a receipt is committed, and raises when it could not be."""

    def __init__(self, sessions: Sessions, provider: str) -> None:
        self._sessions = sessions
        self._provider = provider
        self._waiting: list[tuple[receipts.Receipt, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def keep(self, receipt: pdu.ReceiptIn) -> None:
        """Stores a receipt; the same one again changes nothing."""
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        row = receipts.Receipt(
            self._provider,
            receipt.reference,
            receipt.state,
            receipt.detail,
            receipt.message_id,
        )
        self._waiting.append((row, kept))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        await kept

    async def _write(self) -> None:
        while self._waiting:
            await asyncio.sleep(_GATHER_SECONDS)
            batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            try:
                async with self._sessions.begin() as session:
                    await receipts.add(session, [row for row, _ in batch])
            except Exception as error:
                # Each waiting receipt learns of it and is asked for again.
                for _, kept in batch:
                    if not kept.done():
                        kept.set_exception(error)
                continue
            for _, kept in batch:
                if not kept.done():
                    kept.set_result(None)
