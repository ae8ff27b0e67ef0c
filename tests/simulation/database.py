"""One service's database, and the connections to it that get lost.

``Database`` is the in-memory log of ``shared.eventlog``; it outlives every process. ``Connection``
is what one process has of it: each call takes time, and a commit whose process dies under way is
done by the database all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextvars import Context
from copy import copy
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from shared.bus.dead_letters import DeadLetter, DeadLettersUnavailable, Rejected, State
from shared.bus.memory import MemoryDeadLetters
from shared.eventlog.memory import MemoryStore
from shared.eventlog.model import LogHead, LogUnavailable, Received, Row, UniqueKey
from shared.eventlog.port import Group, GroupRefused, OutcomeUnknown, StaleHead, Tip
from shared.events.intake import Service
from tests.simulation.weather import Weather

T = TypeVar("T")

_KEPT = (
    "_head",
    "_rows",
    "_streams",
    "_ids",
    "_published",
    "_sequences",
    "_last_received",
    "_keys",
    "_numbers",
    "rows_read",
)


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine that only ever lets others run comes to; nobody is let run."""
    while True:
        try:
            coroutine.send(None)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


class Database(MemoryStore):
    """The rows, and who is told of each commit: ``committed(service, group)``."""

    def __init__(
        self,
        service: Service,
        *,
        source: str,
        clock: Callable[[], datetime],
        new_id: Callable[[], UUID],
        committed: Callable[[Service, Group], None],
    ) -> None:
        super().__init__(source=source, clock=clock, new_id=new_id)
        self.service = service
        self.letters = MemoryDeadLetters(clock=clock, new_id=new_id)
        self.rows_read: dict[str, Any] = {}
        """The read models' tables, each with its checkpoint."""
        self.is_up = True
        self.source = source
        self._committed = committed

    async def commit(self, group: Group) -> None:
        await super().commit(group)
        self._committed(self.service, group)

    @property
    def rows(self) -> Sequence[Row]:
        return self._rows

    def taken_now(self, scope: str, key: str) -> bool:
        return (scope, key) in self._keys

    def snapshot(self) -> Mapping[str, Any]:
        """A backup: the log and what is read from it, as they are now."""
        saved = {name: copy(getattr(self, name)) for name in _KEPT}
        saved["_streams"] = copy(self._streams)
        for stream, rows in self._streams.items():
            saved["_streams"][stream] = list(rows)
        return saved

    def restore(self, saved: Mapping[str, Any]) -> None:
        """The log is what it was when the backup was made; what came since is lost."""
        again = {name: copy(value) for name, value in saved.items()}
        for stream, rows in saved["_streams"].items():
            again["_streams"][stream] = list(rows)
        for name, value in again.items():
            setattr(self, name, value)


class Connection:
    """``LogStore`` for one process."""

    def __init__(
        self, database: Database, loop: asyncio.AbstractEventLoop, weather: Weather, world: Context
    ) -> None:
        self._database = database
        self._loop = loop
        self._weather = weather
        self._world = world

    async def _ask(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Does a piece of work on the database, a while later, and tells a while after that."""
        done: asyncio.Future[T] = self._loop.create_future()

        def serve() -> None:
            if done.cancelled():
                return
            if not self._database.is_up:
                done.set_exception(LogUnavailable("the database is away"))
                return
            done.set_result(at_once(work()))

        self._loop.call_later(self._weather.latency(), serve, context=self._world)
        return await done

    async def open(self) -> LogHead:
        return await self._ask(self._database.open)

    async def close(self) -> None:
        pass

    async def head(self) -> LogHead:
        return await self._ask(self._database.head)

    async def tip(self) -> Tip:
        return await self._ask(self._database.tip)

    async def commit(self, group: Group) -> None:
        weather = self._weather
        done: asyncio.Future[None] = self._loop.create_future()
        slow = weather.dice.random() * 2 if weather.strikes("slow commit") else 0.0
        arrives = weather.latency() + slow
        self._later(arrives, self._serve, group, done)
        await done

    def _later(self, seconds: float, call: Callable[..., object], *arguments: Any) -> None:
        self._loop.call_later(seconds, call, *arguments, context=self._world)

    def _serve(self, group: Group, done: asyncio.Future[None]) -> None:
        weather = self._weather
        if not self._database.is_up:
            # Either there was no connection, or it went away with the commit under way.
            lost = weather.dice.random() < 0.5
            _fail(done, OutcomeUnknown() if lost else LogUnavailable("the database is away"))
        elif weather.strikes("commit never applied, outcome unknown"):
            self._later(weather.latency(), _fail, done, OutcomeUnknown())
        elif weather.strikes("commit applied, outcome unknown"):
            self._try(group)
            self._later(weather.latency(), _fail, done, OutcomeUnknown())
        elif weather.strikes("commit applied later, outcome unknown"):
            self._later(weather.dice.random() * 1.5, self._try, group)
            self._later(weather.latency(), _fail, done, OutcomeUnknown())
        else:
            error = self._try(group)
            self._later(weather.latency(), _fail, done, error)

    def _try(self, group: Group) -> Exception | None:
        """Stores a group if it can be, also a ghost's whose process is long gone."""
        if not self._database.is_up:
            return OutcomeUnknown()
        try:
            at_once(self._database.commit(group))
        except (StaleHead, GroupRefused) as error:
            return error
        return None

    async def read(self, after: int, limit: int) -> Sequence[Row]:
        return await self._ask(lambda: self._database.read(after, limit))

    async def read_published(self, after_sequence: int, limit: int) -> Sequence[Row]:
        return await self._ask(lambda: self._database.read_published(after_sequence, limit))

    async def read_streams(self, streams: Sequence[str], upto: int | None = None) -> Sequence[Row]:
        return await self._ask(lambda: self._database.read_streams(streams, upto))

    async def find(self, ids: Sequence[UUID]) -> Mapping[UUID, Row]:
        return await self._ask(lambda: self._database.find(ids))

    async def taken(self, scope: str, keys: Sequence[str]) -> Mapping[str, str]:
        return await self._ask(lambda: self._database.taken(scope, keys))

    async def keep(self, keys: Sequence[UniqueKey]) -> None:
        await self._ask(lambda: self._database.keep(keys))

    async def forget(self, scope: str, before: datetime) -> int:
        return await self._ask(lambda: self._database.forget(scope, before))

    async def received(self, source: str) -> Received | None:
        return await self._ask(lambda: self._database.received(source))

    async def received_leaves(
        self, source: str, epoch: int, sequences: Sequence[int]
    ) -> Mapping[int, bytes]:
        return await self._ask(lambda: self._database.received_leaves(source, epoch, sequences))

    async def position_at(self, moment: datetime) -> int:
        return await self._ask(lambda: self._database.position_at(moment))

    async def next_number(self, prefix: str) -> int:
        return await self._ask(lambda: self._database.next_number(prefix))


class Letters:
    """``DeadLetters`` for one process."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def _kept(self) -> MemoryDeadLetters:
        if not self._database.is_up:
            raise DeadLettersUnavailable("the database is away")
        return self._database.letters

    async def keep(self, rejected: Rejected) -> DeadLetter:
        return await self._kept().keep(rejected)

    async def page(
        self, *, after: UUID | None = None, state: State | None = None, limit: int = 100
    ) -> Sequence[DeadLetter]:
        return await self._kept().page(after=after, state=state, limit=limit)

    async def find(self, letter: UUID) -> DeadLetter | None:
        return await self._kept().find(letter)

    async def settle(self, letter: UUID, state: State, note: str) -> DeadLetter | None:
        return await self._kept().settle(letter, state, note)

    async def open_count(self) -> int:
        return await self._kept().open_count()


def _fail(done: asyncio.Future[None], error: Exception | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)
