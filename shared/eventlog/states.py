"""Streams folded to states, the hot ones kept.

A kept state is advanced by the rows that are committed, and forgotten as soon as a row does not
follow the last one it has. What another process writes is noticed a moment later, and certainly
when ``EventLog.wait_for`` has waited for its position. An append that meets ``VersionConflict`` in
between: forget the stream, load it, decide again.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Generic, TypeVar

from msgspec import Struct

from shared.eventlog.log import EventLog
from shared.eventlog.model import Row
from shared.events.envelope import AnyRecorded

S = TypeVar("S")

STATES_MAX: Final = 10_000
"""Streams kept unless told otherwise."""
UNFOLDED_MAX: Final = 100
"""Rows that a kept state collects without being asked for; then it is forgotten."""
READS_MAX: Final = 2
"""Queries under way at once."""


class Versioned(Struct, Generic[S], frozen=True):
    """A stream's state after its event number ``version``, which lies at ``position``.

    Version 0: there is no such stream, and the state is the initial one.
    """

    state: S
    version: int
    position: int


class _Kept(Generic[S]):
    """A state, and the rows after it that are folded only when somebody asks."""

    __slots__ = ("rows", "state")

    def __init__(self, state: Versioned[S]) -> None:
        self.state = state
        self.rows: list[Row] = []

    @property
    def version(self) -> int:
        return self.state.version + len(self.rows)


class _Load(Generic[S]):
    """One query for many streams, and what was committed to them since they were asked for."""

    __slots__ = ("rows", "streams", "task")

    def __init__(self) -> None:
        self.streams: dict[str, None] = {}
        self.rows: list[Row] = []
        self.task: asyncio.Task[dict[str, Versioned[S] | Exception]]


class States(Generic[S]):
    """Folds streams of ``log``, starting from ``initial``, and keeps ``capacity`` of them."""

    def __init__(
        self,
        log: EventLog,
        initial: S,
        evolve: Callable[[S, AnyRecorded], S],
        capacity: int = STATES_MAX,
    ) -> None:
        self._log = log
        self._nothing = Versioned(initial, 0, 0)
        self._evolve = evolve
        self._capacity = capacity
        self._kept: OrderedDict[str, _Kept[S]] = OrderedDict()
        self._loads: dict[str, _Load[S]] = {}
        self._next: _Load[S] | None = None
        self._slots = asyncio.Semaphore(READS_MAX)
        log.on_commit(self._advance)
        log.on_others(self._advance)

    def __contains__(self, stream: str) -> bool:
        """Whether the stream is kept here, so that it certainly exists."""
        return stream in self._kept

    async def load(self, stream: str) -> Versioned[S]:
        """The latest state known here; read from the log if it is not kept.

        Raises LogUnavailable.
        """
        kept = self._kept.get(stream)
        if kept is not None:
            return self._latest(stream, kept)
        return (await self.load_many((stream,)))[stream]

    async def load_many(self, streams: Sequence[str]) -> dict[str, Versioned[S]]:
        """The same for many streams, with one query for all that are not kept."""
        states: dict[str, Versioned[S]] = {}
        loads: dict[str, _Load[S]] = {}
        for stream in dict.fromkeys(streams):
            kept = self._kept.get(stream)
            if kept is not None:
                states[stream] = self._latest(stream, kept)
            else:
                loads[stream] = self._loads.get(stream) or self._ask_for(stream)
        for stream, load in loads.items():
            # Others may wait for the same read when this caller is gone.
            state = (await asyncio.shield(load.task))[stream]
            if isinstance(state, Exception):
                raise state
            states[stream] = state
        return states

    async def as_of(self, stream: str, position: int) -> Versioned[S]:
        """The state as it was when the log ended at ``position``. Raises LogUnavailable."""
        rows = await self._log.store.read_streams((stream,), upto=position)
        return self._fold(self._nothing, rows)

    def forget(self, streams: Iterable[str]) -> None:
        """The next load of these streams reads them from the log."""
        for stream in streams:
            self._kept.pop(stream, None)
            self._loads.pop(stream, None)  # whoever waits for it has it; nobody else will

    def _ask_for(self, stream: str) -> _Load[S]:
        load = self._next
        if load is None:
            load = self._next = _Load()
            load.task = asyncio.create_task(self._read(load))
            load.task.add_done_callback(_mark_retrieved)
        load.streams[stream] = None
        self._loads[stream] = load
        return load

    async def _read(self, load: _Load[S]) -> dict[str, Versioned[S] | Exception]:
        try:
            async with self._slots:
                self._next = None  # whoever asks from here on is read for later
                rows = await self._log.store.read_streams(tuple(load.streams))
            unfolded: dict[str, list[Row]] = {stream: [] for stream in load.streams}
            for row in (*rows, *load.rows):
                if row.version == len(unfolded[row.stream]) + 1:
                    unfolded[row.stream].append(row)
            states: dict[str, Versioned[S] | Exception] = {}
            for stream, its in unfolded.items():
                state = states[stream] = self._folded(its)
                # A stream that does not exist is not kept: no conflict would ever say that it does.
                if its and isinstance(state, Versioned) and self._loads.get(stream) is load:
                    self._keep(stream, state)
            return states
        finally:
            if self._next is load:
                self._next = None
            for stream in load.streams:
                if self._loads.get(stream) is load:
                    del self._loads[stream]

    def _folded(self, rows: Sequence[Row]) -> Versioned[S] | Exception:
        try:
            return self._fold(self._nothing, rows)
        except Exception as error:  # noqa: BLE001 - one stream's, and not that of those read with it
            return error

    def _fold(self, versioned: Versioned[S], rows: Sequence[Row]) -> Versioned[S]:
        state, decode = versioned.state, self._log.codec.decode
        for row in rows:
            state = self._evolve(state, decode(row.type, row.entry))
        return Versioned(state, rows[-1].version, rows[-1].position) if rows else versioned

    def _latest(self, stream: str, kept: _Kept[S]) -> Versioned[S]:
        self._kept.move_to_end(stream)
        if kept.rows:
            kept.state, kept.rows = self._fold(kept.state, kept.rows), []
        return kept.state

    def _keep(self, stream: str, state: Versioned[S]) -> None:
        self._kept[stream] = _Kept(state)
        while len(self._kept) > self._capacity:
            self._kept.popitem(last=False)

    def _advance(self, rows: Sequence[Row]) -> None:
        for row in rows:
            load = self._loads.get(row.stream)
            if load is not None:
                load.rows.append(row)
            kept = self._kept.get(row.stream)
            if kept is None or row.version <= kept.version:
                continue
            if row.version == kept.version + 1 and len(kept.rows) < UNFOLDED_MAX:
                kept.rows.append(row)
            else:
                del self._kept[row.stream]


def _mark_retrieved(task: asyncio.Task[Any]) -> None:
    """Nobody may be left to see how it ended."""
    if not task.cancelled():
        task.exception()
