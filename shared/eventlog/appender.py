"""The one task of a process that writes to its log: group commit, pipelined.

It takes what waits when a slot is free (no timer), makes the exact bytes of every entry, and has
at most two groups on their way: the second is made for the head that the first will leave. If the
first comes to nothing, so does the second, and the requests of both go back to the front of the
queue. Each request succeeds or fails alone.

When a connection is lost during a commit, nobody knows whether the group is stored, or still will
be: its *ghost* may be at work in the database. Both it and a second try are made for the same head,
so at most one of them can win. Before anything else is written, the ids of the haunted requests
are looked up: found with our bytes, they are stored; not found once the head is past the ghost's,
they never will be.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from shared.eventlog.groups import Admission, Ask, Batch, Known
from shared.eventlog.model import (
    Append,
    Appended,
    IdTaken,
    LogFull,
    LogHead,
    LogUnavailable,
    Row,
    VersionConflict,
)
from shared.eventlog.port import (
    GroupRefused,
    LogStore,
    OutcomeUnknown,
    StaleHead,
    Tip,
)
from shared.eventlog.verdicts import given_up, judge, verdict

GROUPS_IN_FLIGHT: Final = 2
HELD_EVENTS_MAX: Final = 10_000
"""Events of all requests that are waiting or on their way; past that, ``LogFull``."""
PATIENCE_S: Final = 5.0
"""How long a request is tried before its caller is told that the log is unavailable."""
STALE_PAUSE_S_MAX: Final = 0.05
OUTAGE_PAUSE_S_MAX: Final = 0.5
_PAUSE_S: Final = 0.002

_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Flight:
    batch: Batch
    task: asyncio.Task[None]
    followed: bool
    """Whether another group was on its way when this one left."""

    def outcome(self) -> BaseException | None:
        if self.task.cancelled():
            return OutcomeUnknown()
        return self.task.exception()


class Appender:
    """Commits requests in groups, in the order they come, as far as they can be stored.

    Args:
        store: where the rows go.
        source: the author of the drafts.
        clock: the time, for ``recorded_at``, which never decreases.
        committed: called with the rows of each commit, in order, and the head they left, before
            any caller of it goes on.
        moved: called with a head that another process left.
        patience: seconds until a request is given up when the database is in trouble.
        jitter: a number from 0 to 1, to keep two processes from colliding for ever.
    """

    def __init__(
        self,
        store: LogStore,
        *,
        source: str,
        clock: Callable[[], datetime],
        committed: Callable[[Sequence[Row], LogHead], None],
        moved: Callable[[LogHead], None],
        patience: float = PATIENCE_S,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._source = source
        self._clock = clock
        self._committed = committed
        self._moved = moved
        self._patience = patience
        self._jitter = jitter
        self._known = Known()
        self._waiting: deque[Ask] = deque()
        self._flights: deque[_Flight] = deque()
        self._lookups: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._held = 0
        self._failures = 0
        self._lost = False
        self._closing = False

    async def start(self, tip: Tip) -> None:
        self._loop = asyncio.get_running_loop()
        self._tip = tip
        self._task = self._loop.create_task(self._run(), name="appender")

    async def stop(self) -> None:
        """Refuses new requests and finishes those it has, which takes its patience at most."""
        self._closing = True
        self._wake.set()
        await asyncio.wait({self._task})

    def submit(self, request: Append) -> asyncio.Future[Appended]:
        """Queues a request; what becomes of it does not depend on who awaits the future.

        Raises LogFull, LogUnavailable, or ValueError for a request that no log could take.
        """
        size = len(request.events)
        if self._closing or self._task.done():
            raise LogUnavailable("the log is stopped")
        if self._held and self._held + size > HELD_EVENTS_MAX:
            raise LogFull(f"{self._held} events wait")
        done: asyncio.Future[Appended] = self._loop.create_future()
        self._waiting.append(Ask(request, done, self._loop.time() + self._patience))
        self._held += size
        if len(self._flights) < GROUPS_IN_FLIGHT:
            self._wake.set()
        return done

    # --- the loop -----------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            while await self._step():
                pass
        finally:
            # Cancelled, or a bug: nobody may wait for ever.
            for flight in self._flights:
                flight.task.cancel()
                self._waiting.extend(flight.batch.asks)
                flight.batch.haunt()
            for ask in self._waiting:
                ask.fail(given_up(ask, "the appender ended"))

    async def _step(self) -> bool:
        if self._lost and not await self._find_the_way():
            return True
        self._launch()
        if self._flights:
            if self._flights[0].task.done():
                await self._settle()
                return True
        elif self._waiting:  # haunted ones, until their ghost is gone
            await self._pause(OUTAGE_PAUSE_S_MAX)
            self._lost = True
            return True
        elif self._closing and not self._lookups:
            return False
        await self._wake.wait()
        self._wake.clear()
        return True

    def _launch(self) -> None:
        while self._waiting and len(self._flights) < GROUPS_IN_FLIGHT:
            batch = self._make()
            if not batch.asks:
                return
            task = self._loop.create_task(self._store.commit(batch.group()))
            task.add_done_callback(self._landed)
            self._flights.append(_Flight(batch, task, followed=bool(self._flights)))

    def _landed(self, _: asyncio.Task[None]) -> None:
        self._wake.set()

    def _make(self) -> Batch:
        previous = self._flights[-1].batch if self._flights else None
        tip = previous.tip_after if previous else self._tip
        now = self._clock()
        recorded_at = now if tip.recorded_at is None else max(now, tip.recorded_at)
        batch = Batch(tip, recorded_at, self._source, self._known, previous)
        later: list[Ask] = []
        suspects: list[tuple[Ask, VersionConflict]] = []
        while self._waiting:
            ask = self._waiting[0]
            try:
                admission = batch.admit(ask)
            except Exception as error:  # noqa: BLE001 - an entry that cannot be made is its caller's
                self._waiting.popleft()
                self._refuse(ask, error)
                continue
            if admission is Admission.FULL:
                break
            self._waiting.popleft()
            if admission is Admission.LATER or (admission is Admission.SUSPECT and ask.ghosts):
                later.append(ask)
            elif admission is Admission.SUSPECT:
                suspects.append((ask, VersionConflict(self._known.beyond(ask.request.expected))))
        self._waiting.extendleft(reversed(later))
        if suspects:
            lookup = self._loop.create_task(self._judge(suspects))
            self._lookups.add(lookup)
            lookup.add_done_callback(self._judged)
        return batch

    # --- outcomes -----------------------------------------------------------------------------

    async def _settle(self) -> None:
        """The oldest group has come back."""
        if self._flights[0].outcome() is None:
            self._succeed(self._flights.popleft().batch)
            return
        # The one behind it was made for a head that will not be: let it come back too.
        await asyncio.wait([flight.task for flight in self._flights])
        flights = list(self._flights)
        self._flights.clear()
        outcomes = [flight.outcome() for flight in flights]
        # If a later group is stored, so is the earlier one, whatever its connection said.
        stored = max((n for n, outcome in enumerate(outcomes, 1) if outcome is None), default=0)
        for flight in flights[:stored]:
            self._succeed(flight.batch)
        returned: list[Ask] = []
        pause = 0.0
        for flight, outcome in zip(flights[stored:], outcomes[stored:], strict=True):
            assert outcome is not None
            returned += self._take_back(flight.batch, outcome)
            if isinstance(outcome, StaleHead):
                pause = max(pause, self._stale(outcome.tip, flight))
            elif isinstance(outcome, OutcomeUnknown | LogUnavailable):
                pause = OUTAGE_PAUSE_S_MAX
                self._lost = True
        self._waiting.extendleft(reversed(returned))
        self._give_up_the_old()
        if pause:
            await self._pause(pause)

    def _succeed(self, batch: Batch) -> None:
        self._failures = 0
        self._known.learn(batch.versions)
        self._tip = batch.tip_after
        self._committed(batch.rows, self._tip.head)
        for ask, appended in batch.appended():
            self._held -= len(ask.request.events)
            ask.succeed(appended)

    def _stale(self, tip: Tip, flight: _Flight) -> float:
        """Adopts another process's head; the longest pause that should follow, in seconds."""
        if flight.followed and tip.head.position <= self._tip.head.position:
            return 0.0  # our own doing: it overtook the one before it, or that came to nothing
        self._adopt(tip)
        return STALE_PAUSE_S_MAX

    def _adopt(self, tip: Tip) -> None:
        if tip == self._tip:
            return
        if tip.head.position < self._tip.head.position:
            _logger.error("the log went back", extra={"head": tip.head, "was": self._tip.head})
        self._known.clear()
        self._tip = tip
        self._moved(tip.head)

    def _take_back(self, batch: Batch, outcome: BaseException) -> list[Ask]:
        """The requests of a group that came to nothing, less those that have their verdict."""
        match outcome:
            case StaleHead() | LogUnavailable():
                return batch.asks
            case OutcomeUnknown():
                batch.haunt()
                return batch.asks
            case GroupRefused(refusals=refusals):
                return [
                    ask
                    for index, ask in enumerate(batch.asks)
                    if not self._convict(ask, verdict(refusals, index))
                ]
            case _ if len(batch.asks) > 1:  # nobody can say whose fault it is: one by one
                for ask in batch.asks:
                    ask.alone = True
                return batch.asks
            case _:
                self._refuse(batch.asks[0], outcome)
                return []

    def _convict(self, ask: Ask, error: Exception | None) -> bool:
        if error is None:
            return False
        if ask.ghosts and isinstance(error, IdTaken):
            self._lost = True  # taken by its own ghost, most likely: look
            return False
        self._refuse(ask, error)
        return True

    def _refuse(self, ask: Ask, error: BaseException) -> None:
        self._held -= len(ask.request.events)
        ask.fail(error)

    def _give_up_the_old(self) -> None:
        now = self._loop.time()
        kept: deque[Ask] = deque()
        for ask in self._waiting:
            if now < ask.deadline:
                kept.append(ask)
            else:
                self._refuse(ask, given_up(ask, f"not taken within {self._patience} s"))
        self._waiting = kept

    async def _pause(self, longest: float) -> None:
        """Sleeps a random while, longer after each failure in a row, ``longest`` at most (s)."""
        self._failures = min(self._failures + 1, 10)
        await asyncio.sleep(self._jitter() * min(longest, _PAUSE_S * 2**self._failures))

    # --- looking into the log -----------------------------------------------------------------

    async def _find_the_way(self) -> bool:
        """Reads the head anew and settles haunted requests; False if the database cannot tell."""
        haunted = [ask for ask in self._waiting if ask.ghosts]
        try:
            tip = await self._store.tip()
            found = await self._store.find([e.id for ask in haunted for e in ask.request.events])
            after = await self._store.tip() if found else tip  # a ghost may have come in between
        except LogUnavailable:
            self._give_up_the_old()
            await self._pause(OUTAGE_PAUSE_S_MAX)
            return not self._waiting and self._closing
        for ask in haunted:
            if ask.request.events[0].id not in found and tip.head.position > ask.ghost_head:
                ask.ghosts = frozenset()
        stored = [ask for ask in haunted if ask.request.events[0].id in found]
        self._adopt(after)
        self._settle_stored(stored, found)
        self._lost = False
        return True

    def _settle_stored(self, stored: list[Ask], found: Mapping[UUID, Row]) -> None:
        outcomes: list[tuple[Ask, list[Row]]] = []
        for ask in stored:
            self._waiting.remove(ask)
            rows = [found[event.id] for event in ask.request.events if event.id in found]
            if rows[0].leaf in ask.ghosts:
                outcomes.append((ask, rows))
            else:
                self._refuse(ask, IdTaken(tuple(row.id for row in rows)))
        outcomes.sort(key=lambda outcome: outcome[1][0].position)
        if outcomes:
            self._committed([row for _, rows in outcomes for row in rows], self._tip.head)
        for ask, rows in outcomes:
            self._held -= len(rows)
            ask.succeed(Appended(tuple(rows), {row.stream: row.version for row in rows}))

    async def _judge(self, suspects: list[tuple[Ask, VersionConflict]]) -> None:
        for (ask, _), error in zip(suspects, await judge(self._store, suspects), strict=True):
            self._refuse(ask, error)

    def _judged(self, lookup: asyncio.Task[None]) -> None:
        self._lookups.discard(lookup)
        self._wake.set()
