"""Takes an author's events into this log, in order, with what follows from them.

Receiving is not interpreting: whatever the service's interpreter makes of an event, or fails to
make of it, the event itself is stored.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final, Protocol
from uuid import UUID

import msgspec

from shared.bus.entries import Arrived, Author
from shared.bus.patience import Patience
from shared.eventlog.model import (
    Append,
    Appended,
    AppendUnsettled,
    EventLogError,
    Foreign,
    IdTaken,
    LogUnavailable,
    SequenceTaken,
    VersionConflict,
)
from shared.eventlog.port import LogStore

CONFLICTS_MAX: Final = 3
"""Races lost against local commands before fewer are tried together."""
TOGETHER_MAX: Final = 512
"""Events stored together, if there are no races."""
STEADY: Final = 8
"""Batches that go well before twice as many are tried together again."""

_logger = logging.getLogger(__name__)


class Interpreter(Protocol):
    """Given by the service: what its log stores when it hears these events."""

    async def interpret(self, batch: Sequence[Foreign]) -> Append:
        """The very events of the batch, in order, and the reactions to them among them.

        Called again with the same batch after a version conflict, so it loads anew what it decides
        on, and gives reactions ids that follow from their causes.
        """


class Appends(Protocol):
    """What a keeper needs of a log."""

    @property
    def store(self) -> LogStore: ...

    async def append(self, request: Append) -> Appended: ...


class CannotStore(Exception):
    """An event that follows is authentic, and yet this log cannot hold it."""


class Held(msgspec.Struct, frozen=True):
    """How far the author's events are held, without a gap."""

    log: UUID
    epoch: int
    sequence: int


class Keeper:
    """Stores what arrives, and knows how much is held.

    Args:
        log: this service's log.
        author: whose events.
        interpreter: the service's.
        patience: waits while nothing can be stored.
    """

    def __init__(
        self,
        log: Appends,
        author: Author,
        interpreter: Interpreter,
        patience: Patience,
    ) -> None:
        self._log = log
        self._author = author
        self._interpreter = interpreter
        self._patience = patience
        self._size = TOGETHER_MAX
        self._well = 0
        self.held: Held | None = None
        self.stored = 0
        self.conflicts = 0
        self.uninterpreted = 0
        """Events stored without what follows from them, because the interpreter failed on them."""
        self.last_error: str | None = None

    @property
    def sequence(self) -> int:
        """The last sequence that is held; 0 for none."""
        return 0 if self.held is None else self.held.sequence

    async def look(self) -> None:
        """Reads from the log how much is held; waits for as long as it cannot be read."""
        source = self._author.source
        found = await self._patience(lambda: self._log.store.received(source))
        if found is not None:
            self.held = Held(found.log, found.epoch, found.sequence)

    async def store(self, arrived: Sequence[Arrived]) -> None:
        """Returns once all are held: each is the next in sequence after the one before it.

        How many go together is remembered: where local commands are quick, a large batch loses
        every race, and to begin with a large one each time would cost more than the work itself.
        Raises CannotStore.
        """
        while arrived:
            some = arrived[: self._size]
            if await self._together(some):
                self._went_well()
            elif len(some) == 1:  # its own fault, not that of too many
                await self._alone(some[0])
                self._size = TOGETHER_MAX
            else:
                self._size, self._well = len(some) // 2, 0
                continue
            arrived = arrived[len(some) :]

    def _went_well(self) -> None:
        """So many together may be stored, and after a while perhaps more."""
        self._well += 1
        if self._well >= STEADY and self._size < TOGETHER_MAX:
            self._size, self._well = self._size * 2, 0

    async def _together(self, arrived: Sequence[Arrived]) -> bool:
        """False if fewer of them should be tried: one is bad, or others write to their streams."""
        tries = 0
        lost = 0
        while batch := self._missing(arrived):
            events = [each.event for each in batch]
            try:
                request = await self._interpreter.interpret(events)
                if [event for event in request.events if type(event) is Foreign] != events:
                    raise ValueError("the interpreter left out, added or reordered events")
                await self._append(request, batch)
            except VersionConflict:
                self.conflicts += 1
                lost += 1
                if lost == CONFLICTS_MAX and len(batch) > 1:
                    return False
            except (LogUnavailable, AppendUnsettled) as error:
                tries += 1
                await self._patience.pause(error, tries)
                await self.look()
            except (IdTaken, SequenceTaken) as error:
                if not await self._progressed():
                    self.last_error = repr(error)
                    return False
            except Exception as error:
                if len(batch) == 1:
                    _logger.exception(
                        "cannot interpret an event", extra={"event_id": str(events[0].id)}
                    )
                self.last_error = repr(error)
                return False
        return True

    async def _alone(self, arrived: Arrived) -> None:
        """The event and nothing else. Raises CannotStore."""
        event = arrived.event
        tries = 0
        while self._missing([arrived]):
            try:
                rows = await self._log.store.read_streams([event.subject])
                version = rows[-1].version if rows else 0
                await self._append(Append((event,), {event.subject: version}), [arrived])
                self.uninterpreted += 1
            except VersionConflict:
                self.conflicts += 1
            except (LogUnavailable, AppendUnsettled) as error:
                tries += 1
                await self._patience.pause(error, tries)
                await self.look()
            except (EventLogError, ValueError) as error:
                if not await self._progressed():
                    raise CannotStore(f"event {event.sequence}: {error}") from error

    async def _append(self, request: Append, arrived: Sequence[Arrived]) -> None:
        await self._log.append(request)
        last = arrived[-1]
        self.held = Held(last.log, last.event.epoch, last.sequence)
        self.stored += len(arrived)
        self.last_error = None

    def _missing(self, arrived: Sequence[Arrived]) -> Sequence[Arrived]:
        held = self.sequence
        if arrived[0].sequence > held:
            return arrived
        return [each for each in arrived if each.sequence > held]

    async def _progressed(self) -> bool:
        """Whether somebody else, or we ourselves unknowingly, stored some of them."""
        before = self.sequence
        await self.look()
        return self.sequence > before
