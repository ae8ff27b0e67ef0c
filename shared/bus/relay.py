"""Publishes what this log holds, in order, as soon as it is committed.

What was just committed is handed over in memory; the log is read only to catch up. Nothing here is
kept: a stream is a cache, the broker's answers prove nothing, and a receiver heals every hole from
the log. So the relay begins where its stream ends, and does again whenever it is in doubt.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from shared.bus.entries import Author, NotAuthentic, read_entry
from shared.bus.port import CONTENT_TYPE, MESSAGE_ID, Bus, BusUnavailable, Message, StreamMissing
from shared.eventlog.log import EventLog
from shared.eventlog.model import LogUnavailable, Row
from shared.events import subjects
from shared.events.envelope import short_name
from shared.events.intake import Service
from shared.events.reading import Announcement

BATCH_MESSAGES_MAX: Final = 500
BATCH_BYTES_MAX: Final = 4 * 1024 * 1024
BUSY_MESSAGES: Final = 16
FULL_MESSAGES: Final = 400
GATHER_S: Final = 0.02
"""A batch costs the server milliseconds, however small. So after one of ``BUSY_MESSAGES``, unless
``FULL_MESSAGES`` wait, the next gathers for so many seconds: half the cost at full load."""
WAITING_ROWS_MAX: Final = 10_000
WAITING_BYTES_MAX: Final = 32 * 1024 * 1024
"""What may wait in memory between commit and publication; what is beyond is read from the log."""
REFILL_MAX: Final = 10_000
"""Events at the end of the log that an empty stream is filled with; older ones are in the log."""
STUCK_S: Final = (5.0, 60.0)
"""Seconds that the receiver's confirmation stands still before events are sent again: at first,
and at most."""
RESEND_MAX: Final = 500
PAUSE_S: Final = (0.1, 2.0)
"""Seconds between two tries while broker or log cannot be reached: at first, and at most."""
CLOUDEVENTS_JSON: Final = "application/cloudevents+json"

_logger = logging.getLogger(__name__)


def new_token() -> str:
    """A few characters that nobody made before."""
    return secrets.token_hex(4)


class HoleInOwnLog(Exception):
    """The log's own published events are not dense: nothing behind the hole is published."""


class RelayStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How publishing goes.

    Attributes:
        position: The sequence up to which events were handed to the broker; None before the relay
            knows where to begin.
        published: Messages handed over by this process.
        duplicates: Of those, how many the broker took for duplicates.
        read_again: Events read from the log because they were not in memory.
        resent: Events sent again because the receiver's confirmation stood still.
        confirmed: What the receiver last said that it holds; None before it said so.
        last_error: Why nothing is published now; None if something is.
    """

    position: int | None
    published: int
    duplicates: int
    read_again: int
    resent: int
    confirmed: int | None
    last_error: str | None


class Handover:
    """Own published rows of this process, waiting in order, as many as fit."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._rows: deque[Row] = deque()
        self._bytes = 0
        self._is_open = False

    def open(self) -> None:
        """From now on rows are kept."""
        self._is_open = True

    def close(self) -> None:
        """Nobody takes them: keep none."""
        self._is_open = False
        self._rows.clear()
        self._bytes = 0

    @property
    def size(self) -> int:
        """Rows that wait."""
        return len(self._rows)

    def offer(self, rows: Sequence[Row]) -> None:
        """Takes rows just committed. What does not fit is left out: the relay notices the gap."""
        if not self._is_open:
            return
        for row in rows:
            if row.sequence is None or row.source != self._source:
                continue
            if len(self._rows) >= WAITING_ROWS_MAX or self._bytes >= WAITING_BYTES_MAX:
                return
            self._rows.append(row)
            self._bytes += len(row.entry)

    def take(self, after: int) -> list[Row]:
        """The rows that follow ``after`` without a gap, as many as make a batch."""
        taken: list[Row] = []
        size = 0
        while self._rows and len(taken) < BATCH_MESSAGES_MAX and size < BATCH_BYTES_MAX:
            row = self._rows[0]
            assert row.sequence is not None
            if row.sequence > after + 1:
                break
            self._rows.popleft()
            self._bytes -= len(row.entry)
            if row.sequence == after + 1:
                taken.append(row)
                size += len(row.entry)
                after += 1
        return taken


class Relay:
    """Publishes one log's published events.

    ``run`` may be cancelled and run again; two of them, in one process or several, do no harm.
    ``token`` gives a few characters that nobody made before.
    """

    def __init__(
        self, log: EventLog, bus: Bus, service: Service, token: Callable[[], str] = new_token
    ) -> None:
        self._log = log
        self._bus = bus
        self._author = Author(service)
        self._token = token
        self._handover = Handover(log.source)
        self._cursor: int | None = None
        self._confirmed: int | None = None
        self._stuck_for = STUCK_S[0]
        self._moved_at = 0.0
        self._resending: asyncio.Task[None] | None = None
        self._published = 0
        self._duplicates = 0
        self._read_again = 0
        self._resent = 0
        self._last_error: str | None = None
        self._advanced = asyncio.Event()
        log.on_commit(self._handover.offer)

    @property
    def status(self) -> RelayStatus:
        return RelayStatus(
            position=self._cursor,
            published=self._published,
            duplicates=self._duplicates,
            read_again=self._read_again,
            resent=self._resent,
            confirmed=self._confirmed,
            last_error=self._last_error,
        )

    async def run(self) -> None:
        """Publishes for ever. Raises HoleInOwnLog."""
        pause = PAUSE_S[0]
        self._handover.open()
        try:
            while True:
                try:
                    if self._cursor is None:
                        self._cursor = await self._beginning()
                    rows = await self._next(self._cursor)
                    self._duplicates += await self._publish(rows)
                    self._cursor = rows[-1].sequence
                    self._published += len(rows)
                    self._advanced.set()
                    self._advanced = asyncio.Event()
                    self._last_error = None
                    pause = PAUSE_S[0]
                    if len(rows) >= BUSY_MESSAGES and self._handover.size < FULL_MESSAGES:
                        await asyncio.sleep(GATHER_S)
                except (BusUnavailable, LogUnavailable) as error:
                    if isinstance(error, StreamMissing):
                        self._cursor = None  # made anew, it is empty: begin where it ends
                    self._last_error = str(error)
                    _logger.info("not published: %s", error)
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, PAUSE_S[1])
        finally:
            self._handover.close()
            self._cursor = None
            if self._resending is not None:
                self._resending.cancel()

    async def caught_up(self) -> None:
        """Returns once all that is committed was handed to the broker."""
        while self._cursor is None or self._cursor < self._log.head.sequence:
            await self._advanced.wait()

    def peer_said(self, head: Announcement) -> None:
        """Hears what the receiver holds; if that stands still, sends again what follows."""
        now = asyncio.get_running_loop().time()
        if head.received != self._confirmed:
            self._confirmed = head.received
            self._moved_at = now
            self._stuck_for = STUCK_S[0]
            return
        behind = self._cursor is not None and head.received < self._cursor
        if not behind:
            self._moved_at = now
        elif now - self._moved_at >= self._stuck_for and self._resending is None:
            self._moved_at = now
            self._stuck_for = min(self._stuck_for * 2, STUCK_S[1])
            self._resending = asyncio.create_task(self._resend(head.received), name="relay-resend")

    async def _beginning(self) -> int:
        """The sequence up to which nothing need be published: where the stream ends."""
        head = self._log.head
        last = await self._bus.last(self._author.stream)
        if last is not None:
            try:
                found = read_entry(self._author, last)
            except NotAuthentic:
                _logger.warning("the last message of %s is not ours", self._author.stream)
            else:
                epoch = found.event.epoch
                end = await self._end_of(epoch, head.sequence)
                if found.log == head.log and (found.sequence <= end or epoch < head.epoch):
                    return min(found.sequence, end)
        return max(0, head.sequence - REFILL_MAX)

    async def _end_of(self, epoch: int, last: int) -> int:
        """Up to where an epoch reaches: what was published in it behind that was lost."""
        later = [each.after for each in await self._log.store.epochs() if each.epoch > epoch]
        return min([last, *later])

    async def _next(self, cursor: int) -> list[Row]:
        """Rows that follow ``cursor``, at least one. Raises LogUnavailable, HoleInOwnLog."""
        while True:
            head = self._log.head
            rows = self._handover.take(cursor)
            if not rows and head.sequence > cursor:
                rows = await self._read(cursor)
                self._read_again += len(rows)
            if rows:
                return rows
            await self._log.changed(head.position)

    async def _read(self, cursor: int) -> list[Row]:
        rows = await self._log.store.read_published(cursor, BATCH_MESSAGES_MAX)
        size = 0
        for count, row in enumerate(rows, 1):
            if row.sequence != cursor + count:
                raise HoleInOwnLog(f"event {row.sequence} follows {cursor + count - 1}")
            size += len(row.entry)
            if size > BATCH_BYTES_MAX:
                return list(rows[:count])
        return list(rows)

    async def _publish(self, rows: Sequence[Row], suffix: str = "") -> int:
        service, log = self._author.service, str(self._log.head.log)
        messages = [
            Message(
                subjects.event(service, row.stream, short_name(row.type)),
                row.entry,
                {
                    CONTENT_TYPE: CLOUDEVENTS_JSON,
                    MESSAGE_ID: f"{log}.{row.epoch}.{row.sequence}{suffix}",
                },
            )
            for row in rows
        ]
        return await self._bus.publish(self._author.stream, messages)

    async def _resend(self, confirmed: int) -> None:
        """Under other ids: the broker would take the old ones for duplicates and store nothing."""
        try:
            rows = (await self._read(confirmed))[:RESEND_MAX]
            _logger.warning("nothing arrives after %d; sending %d again", confirmed, len(rows))
            if rows:
                await self._publish(rows, suffix=f".r{self._token()}")
                self._resent += len(rows)
        except (BusUnavailable, LogUnavailable) as error:
            _logger.info("not sent again: %s", error)
        finally:
            self._resending = None
