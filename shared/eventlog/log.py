"""The log as services see it: append, wait, be told."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from shared.eventlog.appender import PATIENCE_S, Appender
from shared.eventlog.model import (
    Append,
    Appended,
    Foreign,
    LogHead,
    LogReadOnly,
    LogUnavailable,
    Row,
)
from shared.eventlog.port import LogStore
from shared.events.codec import Codec

POLL_S: Final = 0.25
"""How often the head is read to notice other processes' writes; own commits are known at once."""
OTHERS_ROWS_MAX: Final = 1_000
"""Rows of other processes read at once."""

_logger = logging.getLogger(__name__)


class EventLog:
    """One service's log, from this process.

    Args:
        store: where the rows live; opened by ``start``, closed by ``stop``.
        source: the CloudEvents source of what this service says.
        codec: decodes the event types that the service knows.
        clock: the time, for ``recorded_at``.
        patience: seconds until an append is given up when the database is in trouble.
        poll: seconds between two looks at what other processes wrote.
        jitter: a number from 0 to 1, for the length of pauses between tries.
    """

    def __init__(
        self,
        store: LogStore,
        *,
        source: str,
        codec: Codec,
        clock: Callable[[], datetime],
        patience: float = PATIENCE_S,
        poll: float = POLL_S,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.store: LogStore = store
        self.codec = codec
        self.source = source
        self._poll = poll
        self._head: LogHead | None = None
        self._moved = asyncio.Event()
        self._asked = asyncio.Event()
        self._callbacks: list[Callable[[Sequence[Row]], None]] = []
        self._callbacks_for_others: list[Callable[[Sequence[Row]], None]] = []
        self._told = 0
        self._read_only: str | None = None
        self._lost: str | None = None
        self._callbacks_for_loss: list[Callable[[str], None]] = []
        self._appender = Appender(
            store,
            source=source,
            clock=clock,
            committed=self._committed,
            moved=self._advance,
            went_back=self._went_back,
            patience=patience,
            jitter=jitter,
        )

    async def start(self) -> None:
        """Raises LogUnavailable."""
        await self.store.open()
        try:
            tip = await self.store.tip()
        except BaseException:
            await self.store.close()
            raise
        self._head = tip.head
        self._told = tip.head.position
        await self._appender.start(tip)
        self._watcher = asyncio.create_task(self._watch(), name="log-watcher")

    async def stop(self) -> None:
        """Refuses new appends, finishes those it has, closes the store."""
        await self._appender.stop()
        self._watcher.cancel()
        await asyncio.wait({self._watcher})
        await self.store.close()

    @property
    def head(self) -> LogHead:
        """The last committed head that this process knows of."""
        if self._head is None:
            raise RuntimeError("the log is not started")
        return self._head

    @property
    def trouble(self) -> str | None:
        """Why appending fails, if it did when somebody tried last, a moment ago."""
        return self._appender.trouble

    async def append(self, request: Append) -> Appended:
        """Stores the events, all or none. Cancelling the caller does not cancel the append.

        Raises VersionConflict, KeyTaken, IdTaken, SequenceTaken, EntryTooLarge, LogUnavailable,
        LogFull, LogReadOnly, AppendUnsettled; ValueError for a request that no log could take.
        """
        self.check_writable()
        if any(type(event) is Foreign and event.source == self.source for event in request.events):
            raise ValueError("what this log said itself comes back by recovery only")
        return await self._appender.submit(request)

    async def append_recovered(self, request: Append) -> Appended:
        """``append`` for who recovers a restored log: own events as they were, an epoch's first.

        The log takes it while it is read-only for everybody else.
        """
        return await self._appender.submit(request)

    @property
    def read_only(self) -> str | None:
        """Why nothing is taken now; None if all is."""
        return self._lost or self._read_only

    def refuse(self, reason: str) -> None:
        """From now on nothing is taken, until ``allow``. What was taken before may be under way."""
        self._read_only = reason

    def allow(self) -> None:
        """Everything is taken again."""
        self._read_only = None

    def check_writable(self) -> None:
        """Raises LogReadOnly while nothing is taken."""
        if self.read_only is not None:
            raise LogReadOnly(self.read_only)

    def on_loss(self, callback: Callable[[str], None]) -> None:
        """Calls back, with the reason, when the database turns out to be an older one.

        Whatever this process keeps of the log is wrong from then on: it must end.
        """
        self._callbacks_for_loss.append(callback)

    def _went_back(self, head: LogHead) -> None:
        reason = (
            f"the log went back to {head.position}: its database was restored; "
            "this process must start again"
        )
        if self._lost is None:
            self._lost = reason
            _logger.critical("%s", reason)
            self._appender.give_up(reason)
            for callback in self._callbacks_for_loss:
                callback(reason)

    async def wait_for(self, position: int, timeout: float) -> bool:
        """Whether a row is committed at ``position`` within ``timeout`` seconds.

        If so, every listener of this process has heard of it, whoever wrote it.
        """
        if self._told >= position:
            return True
        self._asked.set()
        try:
            async with asyncio.timeout(timeout):
                while self._told < position:
                    await self._moved.wait()
        except TimeoutError:
            return False
        return True

    async def changed(self, after: int) -> LogHead:
        """Returns the head once it is past ``after``, whoever moved it."""
        while self.head.position <= after:
            await self._moved.wait()
        return self.head

    def on_commit(self, callback: Callable[[Sequence[Row]], None]) -> None:
        """Calls back with the rows of each commit of *this process*.

        They come in position order, each once, before the appends' callers go on. Rows of other
        processes are not delivered (``changed`` tells that there are some, ``on_others`` which).
        The callback must be quick and must not raise.
        """
        self._callbacks.append(callback)

    def on_others(self, callback: Callable[[Sequence[Row]], None]) -> None:
        """Calls back with rows that other processes committed, soon after, in position order.

        Rows of this process may be among them, told a second time.
        """
        self._callbacks_for_others.append(callback)

    def _committed(self, rows: Sequence[Row], head: LogHead) -> None:
        _tell(self._callbacks, rows)
        if rows[0].position == self._told + 1 and rows[-1].position == self._told + len(rows):
            self._told += len(rows)
        self._advance(head)

    def _advance(self, head: LogHead) -> None:
        self._head = head
        if self._told < head.position:
            self._asked.set()  # others wrote, too
        self._told = min(self._told, head.position)
        self._wake_waiters()

    def _wake_waiters(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    async def _watch(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._poll):
                    await self._asked.wait()
            except TimeoutError:
                pass
            self._asked.clear()
            before = self.head
            try:
                head = await self.store.head()
            except LogUnavailable:
                continue
            if head.log != before.log or head.position < before.position:
                self._went_back(head)
            elif head.position > self.head.position:
                self._advance(head)
            await self._tell_of_others()

    async def _tell_of_others(self) -> None:
        while self._told < self.head.position:
            try:
                rows = await self.store.read(self._told, OTHERS_ROWS_MAX)
            except LogUnavailable:
                return
            rows = [row for row in rows if row.position > self._told]
            if not rows:
                return
            _tell(self._callbacks_for_others, rows)
            self._told = rows[-1].position
            self._wake_waiters()


def _tell(callbacks: Sequence[Callable[[Sequence[Row]], None]], rows: Sequence[Row]) -> None:
    for callback in callbacks:
        try:
            callback(rows)
        except Exception:
            _logger.exception("a listener failed; the rows are committed")
