"""Publishes receipts: those that wait at the same time go together."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

import msgspec

from shared.bus.port import Bus, Message
from shared.events import subjects
from shared.events.intake import Receipt

BATCH_MAX: Final = 500


class Receipts:
    """One receipt for each event of another system, on ``receipts.<system>.<id>``."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._waiting: deque[tuple[Message, asyncio.Future[None]]] = deque()
        self._sending: asyncio.Task[None] | None = None

    async def publish(self, system: str, event_id: str, receipt: Receipt) -> None:
        """Returns once the broker holds it. Raises BusError."""
        message = Message(subjects.receipt(system, event_id), msgspec.json.encode(receipt))
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((message, sent))
        if self._sending is None:
            self._sending = asyncio.create_task(self._send(), name="receipts")
        await sent

    async def _send(self) -> None:
        try:
            while self._waiting:
                size = min(BATCH_MAX, len(self._waiting))
                batch = [self._waiting.popleft() for _ in range(size)]
                try:
                    await self._bus.publish(subjects.RECEIPTS, [message for message, _ in batch])
                except Exception as error:  # noqa: BLE001 - it belongs to those who wait
                    _settle(batch, error)
                except BaseException:
                    _settle(batch, asyncio.CancelledError())
                    raise
                else:
                    _settle(batch, None)
        finally:
            self._sending = None


def _settle(batch: list[tuple[Message, asyncio.Future[None]]], error: BaseException | None) -> None:
    for _, sent in batch:
        if sent.done():
            continue
        if error is None:
            sent.set_result(None)
        elif isinstance(error, asyncio.CancelledError):
            sent.cancel()
        else:
            sent.set_exception(error)
