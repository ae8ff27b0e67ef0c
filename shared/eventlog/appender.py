"""The part of a process that writes to its log: group commit, pipelined.

It takes what waits when a slot is free (no timer), makes the exact bytes of every entry, and has
at most two groups on their way: the second is made for the tip that the first will leave. If the
first comes to nothing, so does the second, and the requests of both go back to the front of the
queue. Each request succeeds or fails alone.

When a connection is lost during a commit, nobody knows whether the group is stored, or still will
be: its *ghost* may be at work in the database. Both it and a second try are made for the same tip,
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

from shared.eventlog.asks import Ask
from shared.eventlog.failing import Failing
from shared.eventlog.groups import GROUP_EVENTS_MAX, Batch, Known
from shared.eventlog.model import Append, Appended, IdTaken, LogHead, LogUnavailable, Row
from shared.eventlog.port import GroupRefused, LogStore, OutcomeUnknown, StaleHead, Tip
from shared.eventlog.verdicts import judge, verdict
from shared.eventlog.waiting import Suspect, Waiting

GROUPS_IN_FLIGHT: Final = 2
SPLIT_MIN: Final = 64
"""Requests that come at once to an idle log and are worth two groups instead of one."""
PATIENCE_S: Final = 5.0
"""How long a request is tried before its caller is told that the log is unavailable."""
STALE_PAUSE_S_MAX: Final = 0.05
OUTAGE_PAUSE_S_MAX: Final = 0.5
_PAUSE_S: Final = 0.002

_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Flight:
    batch: Batch
    followed: bool
    """Whether another group was on its way when this one left."""
    landed: bool = False
    outcome: Exception | None = None


class Appender:
    """Commits requests in groups, in the order they come, as far as they can be stored.

    Args:
        store: where the rows go.
        source: the author of the drafts.
        clock: the time, for ``recorded_at``, which never decreases.
        committed: called with the rows of each commit, in order, and the head they left, before
            any caller of it goes on.
        moved: called with a head that another process left.
        went_back: called with a head that lies before one this process has seen, or with that of
            another log: the database was restored. Nothing more is written.
        patience: seconds after a first failure until a request is given up.
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
        went_back: Callable[[LogHead], None],
        patience: float = PATIENCE_S,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._source = source
        self._clock = clock
        self._committed = committed
        self._moved = moved
        self._went_back = went_back
        self._patience = patience
        self._jitter = jitter
        self._known = Known()
        self._flights: deque[_Flight] = deque()
        self._lookups: set[asyncio.Task[None]] = set()
        self._resting: list[asyncio.Future[None]] = []
        self._failures = 0
        self._lost = False
        self._recovering = False
        self._closing = False
        self._given_up: str | None = None

    async def start(self, tip: Tip) -> None:
        self._loop = asyncio.get_running_loop()
        self._tip = tip
        self._failing = Failing(self._loop.time)
        self._waiting = Waiting(self._patience)
        self._task = self._loop.create_task(self._run(), name="appender")

    @property
    def trouble(self) -> str | None:
        """Why nothing can be appended now, as far as somebody tried of late."""
        return self._failing.reason

    async def stop(self) -> None:
        """Refuses new requests and finishes those it has, which takes its patience at most."""
        self._closing = True
        self._wake()
        await asyncio.wait({self._task})

    def give_up(self, why: str) -> None:
        """Writes nothing more, whatever waits."""
        self._closing = True
        self._given_up = why
        self._waiting.give_up_all(why)
        self._wake()

    def submit(self, request: Append) -> asyncio.Future[Appended]:
        """Queues a request; what becomes of it does not depend on who awaits the future.

        Raises LogFull, LogUnavailable, or ValueError for a request that no log could take.
        """
        if self._closing:
            raise LogUnavailable("the log is stopped")
        done = self._waiting.add(request)
        if self._resting:
            self._wake()
        return done

    # --- two lanes, each with one group on its way at a time ------------------------------------

    async def _run(self) -> None:
        lanes = [self._loop.create_task(self._lane()) for _ in range(GROUPS_IN_FLIGHT)]
        try:
            await asyncio.gather(*lanes)
        finally:
            # Cancelled, or a bug: nobody may wait for ever.
            self._closing = True
            for lane in lanes:
                lane.cancel()
            for flight in self._flights:
                flight.batch.haunt()
                self._waiting.put_back(flight.batch.asks)
            self._waiting.give_up_all("the appender ended")

    async def _lane(self) -> None:
        while not (self._closing and self._is_idle()):
            if self._recovering or not self._waiting or len(self._flights) == GROUPS_IN_FLIGHT:
                await self._rest()
            elif self._lost:
                await self._recover()
            elif (batch := self._make()).asks:
                await self._fly(_Flight(batch, followed=bool(self._flights)))
            elif self._flights:
                await self._rest()  # those who wait depend on a group that is on its way
            elif self._waiting:  # haunted ones alone, until their ghosts are gone
                self._lost = True
                await self._recover(OUTAGE_PAUSE_S_MAX)
        self._wake()

    def _is_idle(self) -> bool:
        return not (self._waiting or self._flights or self._lookups or self._recovering)

    async def _rest(self) -> None:
        awoken = self._loop.create_future()
        self._resting.append(awoken)
        await awoken

    def _wake(self) -> None:
        """Lets the lanes that rest look what there is to do."""
        for awoken in self._resting:
            if not awoken.done():
                awoken.set_result(None)
        self._resting.clear()

    def _make(self) -> Batch:
        previous = self._flights[-1].batch if self._flights else None
        tip = previous.tip_after if previous else self._tip
        now = self._clock()
        batch = Batch(
            tip,
            now if tip.recorded_at is None else max(now, tip.recorded_at),
            source=self._source,
            known=self._known,
            previous=previous,
            room=self._room(),
        )
        suspects = self._waiting.fill(batch, self._known)
        if suspects:
            lookup = self._loop.create_task(self._judge(suspects))
            self._lookups.add(lookup)
            lookup.add_done_callback(self._judged)
        return batch

    def _room(self) -> int:
        """How many events the next group may take.

        When many come at once and nothing is on its way, half: the database works on one group
        while the other is made and answered, and so it goes on from then.
        """
        waiting = len(self._waiting)
        if self._flights or waiting < SPLIT_MIN:
            return GROUP_EVENTS_MAX
        return min(GROUP_EVENTS_MAX, (waiting + 1) // 2)

    async def _fly(self, flight: _Flight) -> None:
        self._flights.append(flight)
        try:
            await self._store.commit(flight.batch.group())
        except asyncio.CancelledError:
            if (lane := asyncio.current_task()) is not None and lane.cancelling():
                raise
            flight.outcome = OutcomeUnknown()
        except Exception as error:  # noqa: BLE001 - told apart when the group is taken back
            flight.outcome = error
        flight.landed = True
        while self._flights and self._flights[0].landed and self._flights[0].outcome is None:
            self._succeed(self._flights.popleft().batch)
        # If the first failed, the one behind it was made for a tip that will not be: the lane whose
        # group lands last takes both back.
        if self._flights and all(each.landed for each in self._flights):
            await self._fall_back()

    # --- outcomes -----------------------------------------------------------------------------

    def _succeed(self, batch: Batch) -> None:
        self._failures = 0
        self._failing.over()
        self._known.learn(batch.versions)
        self._tip = batch.tip_after
        self._committed(batch.rows, self._tip.head)
        self._waiting.answer(batch.appended())

    async def _fall_back(self) -> None:
        flights = list(self._flights)
        self._flights.clear()
        # If a later group is stored, so is the earlier one, whatever its connection said.
        stored = max((n for n, each in enumerate(flights, 1) if each.outcome is None), default=0)
        for flight in flights[:stored]:
            self._succeed(flight.batch)
        returned: list[Ask] = []
        pause = 0.0
        for flight in flights[stored:]:
            returned += self._take_back(flight.batch, flight.outcome)
            if isinstance(flight.outcome, StaleHead):
                pause = max(pause, self._stale(flight.outcome.tip, flight))
            elif isinstance(flight.outcome, OutcomeUnknown | LogUnavailable):
                pause = OUTAGE_PAUSE_S_MAX
                self._lost = True
                self._failing.failed(flight.outcome)
        self._waiting.put_back(returned)
        if self._given_up is not None:
            self._waiting.give_up_all(self._given_up)
        self._waiting.give_up_the_old()
        await self._recover(pause)

    def _take_back(self, batch: Batch, outcome: Exception | None) -> list[Ask]:
        """The requests of a group that came to nothing, less those that have their verdict."""
        match outcome:
            case StaleHead() | LogUnavailable():
                return batch.asks
            case OutcomeUnknown():
                batch.haunt()
                return batch.asks
            case GroupRefused(refusals=refusals):
                verdicts = [verdict(refusals, index) for index in range(len(batch.asks))]
            case _ if len(batch.asks) > 1:  # nobody can say whose fault it is: one by one
                for ask in batch.asks:
                    ask.alone = True
                return batch.asks
            case error:
                verdicts = [error]
        returned: list[Ask] = []
        for ask, error in zip(batch.asks, verdicts, strict=True):
            if error is None:
                returned.append(ask)
            elif ask.ghosts and isinstance(error, IdTaken):
                returned.append(ask)  # taken by its own ghost, most likely
                self._lost = True
            else:
                self._waiting.refuse(ask, error)
        return returned

    def _stale(self, tip: Tip, flight: _Flight) -> float:
        """Adopts another process's tip; the longest pause that should follow, in seconds."""
        if flight.followed and tip.head.position <= self._tip.head.position:
            return 0.0  # our own doing: it overtook the one before it, or that came to nothing
        self._adopt(tip)
        return STALE_PAUSE_S_MAX

    def _adopt(self, tip: Tip) -> None:
        if tip == self._tip:
            return
        was = self._tip.head
        if tip.head.log != was.log or tip.head.position <= was.position:
            self._went_back(tip.head)
            return
        self._known.clear()
        self._tip = tip
        self._moved(tip.head)

    # --- looking into the log -----------------------------------------------------------------

    async def _recover(self, pause: float = 0.0) -> None:
        """Waits a little and finds out where the log is; no group leaves meanwhile."""
        self._recovering = True
        try:
            if pause:
                await self._pause(pause)
            while self._lost and self._waiting:
                await self._find_the_way()
        finally:
            self._recovering = False
            self._wake()

    async def _pause(self, longest: float) -> None:
        """Sleeps a random while, longer after each failure in a row; ``longest`` is in seconds."""
        self._failures = min(self._failures + 1, 10)
        await asyncio.sleep(self._jitter() * min(longest, _PAUSE_S * 2**self._failures))

    async def _find_the_way(self) -> None:
        """Reads the tip anew and settles haunted requests; stays lost if the database is away."""
        haunted = self._waiting.haunted()
        try:
            tip = await self._store.tip()
            found = await self._store.find([e.id for ask in haunted for e in ask.request.events])
            after = await self._store.tip() if found else tip  # a ghost may have come in between
        except LogUnavailable as error:
            self._failing.failed(error)
            self._waiting.give_up_the_old()
            await self._pause(OUTAGE_PAUSE_S_MAX)
            return
        for ask in haunted:
            if ask.request.events[0].id not in found and tip.head.position > ask.ghost_head:
                ask.ghosts = frozenset()
        self._adopt(after)
        self._settle([ask for ask in haunted if ask.request.events[0].id in found], found)
        self._lost = False

    def _settle(self, stored: Sequence[Ask], found: Mapping[UUID, Row]) -> None:
        """Answers haunted requests whose ids are recorded: by their ghosts, or by others."""
        self._waiting.remove(stored)
        outcomes: list[tuple[Ask, list[Row]]] = []
        for ask in stored:
            rows = [found[event.id] for event in ask.request.events if event.id in found]
            # All of it: a part of what was received may be in the log by another's append, with
            # the very bytes that ours has.
            if tuple([row.leaf for row in rows]) in ask.ghosts:
                outcomes.append((ask, rows))
            else:
                self._waiting.refuse(ask, IdTaken(tuple(row.id for row in rows)))
        outcomes.sort(key=lambda outcome: outcome[1][0].position)
        if outcomes:
            self._committed([row for _, rows in outcomes for row in rows], self._tip.head)
        self._waiting.answer(
            (ask, Appended(tuple(rows), {row.stream: row.version for row in rows}))
            for ask, rows in outcomes
        )

    async def _judge(self, suspects: Sequence[Suspect]) -> None:
        for (ask, _), error in zip(suspects, await judge(self._store, suspects), strict=True):
            self._waiting.refuse(ask, error)

    def _judged(self, lookup: asyncio.Task[None]) -> None:
        self._lookups.discard(lookup)
        self._wake()
