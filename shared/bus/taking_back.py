"""Appends what comes back to a restored log: own events as they were, the other's between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from shared.bus.entries import Arrived, Author
from shared.bus.interleaving import Interleaving
from shared.bus.patience import Patience
from shared.bus.storing import Interpreter, Keeper
from shared.eventlog.log import EventLog
from shared.eventlog.model import Append, Appended, Foreign, UniqueKey
from shared.eventlog.port import LogStore
from shared.events.envelope import AnyRecorded, Draft, Published

RUN_MAX: Final = 500
"""Own events in one append, at most."""

KeysOf = Callable[[AnyRecorded], Iterable[UniqueKey]]


class _Quiet:
    """The service's interpreter without what it would publish: that comes back by itself."""

    def __init__(self, interpreter: Interpreter) -> None:
        self._interpreter = interpreter

    async def interpret(self, batch: Sequence[Foreign]) -> Append:
        said = await self._interpreter.interpret(batch)
        kept = tuple(event for event in said.events if not _is_published(event))
        touched = {event.subject for event in kept}
        expected = {stream: at for stream, at in said.expected.items() if stream in touched}
        return Append(kept, expected, said.keys)


class _Privileged:
    """The log as the keeper of received events needs it, while it takes nothing else."""

    def __init__(self, log: EventLog, appended: Callable[[Appended], None]) -> None:
        self._log = log
        self._appended = appended

    @property
    def store(self) -> LogStore:
        return self._log.store

    async def append(self, request: Append) -> Appended:
        appended = await self._log.append_recovered(request)
        self._appended(appended)
        return appended


class TakingBack:
    """Takes both sides' events in the order of the other's log.

    Args:
        log: the restored log.
        author: the other side.
        interpreter: what this service makes of its events.
        keys: the unique keys that an own event took.
    """

    def __init__(
        self, log: EventLog, author: Author, interpreter: Interpreter, keys: KeysOf
    ) -> None:
        self._log = log
        self._keys = keys
        patience = Patience(f"recovering from {author.service}")
        privileged = _Privileged(log, self._note)
        self._keeper = Keeper(privileged, author, _Quiet(interpreter), patience)
        self._interleaving = Interleaving()
        self._run: list[Foreign] = []
        self._kept: dict[tuple[str, str], UniqueKey] = {}
        self._versions: dict[str, int] = {}
        self._epoch = 0
        self._sequence = 0
        self.recovered = 0

    async def begin(self) -> None:
        """Finds out where the log is. Raises LogUnavailable."""
        head = await self._log.store.head()
        self._id, self._epoch, self._sequence = head.log, head.epoch, head.sequence
        await self._keeper.look()

    async def theirs(self, arrived: Arrived) -> None:
        """One of the other side's events, which waits for an own one that it goes before."""
        if arrived.sequence > self._keeper.sequence:
            await self._place(self._interleaving.theirs(arrived))

    async def ours(self, arrived: Arrived) -> None:
        """One of the own events; what is there already is left out."""
        event = arrived.event
        if arrived.log != self._id or event.sequence <= self._sequence:
            return
        recorded = self._log.codec.decode(event.type, event.entry)
        begins = not await self._version(event.subject)
        await self._place(self._interleaving.ours(recorded, begins=begins))
        if self._run and (len(self._run) >= RUN_MAX or self._run[-1].epoch != event.epoch):
            await self.flush()
        self._run.append(event)
        self._sequence = event.sequence
        self._kept |= {(key.scope, key.key): key for key in self._keys(recorded)}

    async def flush(self) -> None:
        """Appends what waits to be appended together."""
        run, self._run = self._run, []
        if not run:
            return
        # The keys first: an event is never there without them. Those that are taken stay.
        keys, self._kept = self._kept, {}
        await self._log.store.keep(list(keys.values()))
        expected = {event.subject: await self._version(event.subject) for event in run}
        epoch = run[0].epoch if run[0].epoch > self._epoch else None
        self._note(await self._log.append_recovered(Append(tuple(run), expected, epoch=epoch)))
        self._epoch = run[-1].epoch
        self.recovered += len(run)

    async def _place(self, theirs: Sequence[Arrived]) -> None:
        if theirs:
            await self.flush()
            await self._keeper.store(theirs)

    async def _version(self, stream: str) -> int:
        if stream not in self._versions:
            rows = await self._log.store.read_streams([stream])
            self._versions[stream] = rows[-1].version if rows else 0
        return self._versions[stream]

    def _note(self, appended: Appended) -> None:
        self._versions |= appended.versions


def _is_published(event: Draft | Foreign) -> bool:
    return isinstance(event, Draft) and isinstance(event.data, Published)
