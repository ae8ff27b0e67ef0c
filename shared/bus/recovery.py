"""Takes back what a restored log had said: from the other side, which has the exact bytes.

Each step can be done again. What is back is in the log, so a crash goes on from there; a mark that
is made first says that it is not over, and from where on it began.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Final, Protocol

import msgspec

from shared.bus.entries import Author, NotAuthentic, read_entry
from shared.bus.hello import HelloReply, hello
from shared.bus.peer_log import Peer
from shared.bus.storing import Interpreter
from shared.bus.taking_back import TakingBack
from shared.eventlog.log import EventLog
from shared.eventlog.model import Append, IdTaken, LogHead, Row, UniqueKey, VersionConflict
from shared.eventlog.recovered import STREAM, LogRecovered
from shared.events.envelope import AnyRecorded, Draft
from shared.events.ids import derived_id

SCOPE: Final = "recovery"
"""The scope of the marks: by the epoch that ends, when it begins and when all is done."""
PAGE_MAX: Final = 500
TAIL_S: Final = 10.0
"""How long the other side may take in nothing more of the stream before it counts as its end."""
LOOK_S: Final = 0.2
RECOVERING: Final = "system:caselog"

_logger = logging.getLogger(__name__)


class Aftermath(Protocol):
    """Given by the service: what follows, in its domain, from a log that lost its end."""

    def keys(self, recorded: AnyRecorded) -> Iterable[UniqueKey]:
        """The unique keys that an own event took when it was said first."""

    async def restate(self, cause: AnyRecorded, streams: Collection[str]) -> Sequence[Append]:
        """What must be said now, as unpublished events are lost; ids follow from the cause's.

        ``streams`` are those in which something came back.
        """


class NoAftermath:
    """``Aftermath`` of a log in which nothing follows."""

    def keys(self, recorded: AnyRecorded) -> Iterable[UniqueKey]:
        return ()

    async def restate(self, cause: AnyRecorded, streams: Collection[str]) -> Sequence[Append]:
        return ()


class Mark(msgspec.Struct, frozen=True):
    """Where the older database ended, and up to where it is known to have published."""

    sequence: int
    position: int
    said: int


class Recovery:
    """Recovers one log; run by the process in charge of the exchange. The log takes nothing else.

    Args:
        log: this service's log.
        own: this service, as the author of its events.
        author: the other one.
        peer: its log.
        interpreter: what this service makes of the other's events.
        aftermath: what follows in its domain.
        clock: the time.
    """

    def __init__(
        self,
        *,
        log: EventLog,
        own: Author,
        author: Author,
        peer: Peer,
        interpreter: Interpreter,
        aftermath: Aftermath,
        clock: Callable[[], datetime],
    ) -> None:
        self._log = log
        self._own = own
        self._author = author
        self._peer = peer
        self._interpreter = interpreter
        self._aftermath = aftermath
        self._clock = clock
        self.recovered = 0
        """Own events that this process took back."""

    async def is_under_way(self) -> bool:
        """Whether one began and is not over. Raises LogUnavailable."""
        return await self._open_epoch() is not None

    async def run(self, said: int) -> None:
        """Takes back all that the other side holds, and begins another epoch with what follows.

        ``said`` is the last sequence that is known to have been published. Raises BusError,
        LogUnavailable and what else an append raises; run it again then.
        """
        epoch = await self._open_epoch()
        head = await self._log.store.head()
        if epoch is None:
            epoch = head.epoch
            mark = Mark(head.sequence, head.position, said)
            value = msgspec.json.encode(mark).decode()
            await self._log.store.keep([UniqueKey(SCOPE, str(epoch), value)])
            _logger.critical(
                "the log was restored from an older backup: it ends with event %d, %d were "
                "published; taking them back",
                head.sequence,
                said,
            )
        if await self._first(epoch) is None:
            reply = await self._settled(max(said, (await self._mark(epoch)).said))
            while reply.holds is not None:
                if reply.holds.sequence <= (await self._log.store.head()).sequence:
                    break
                await self._take_back(reply.since)
                reply = await self._greet()
            await self._begin_epoch(epoch)
        await self._follow(epoch)

    async def _open_epoch(self) -> int | None:
        """The epoch that ends by a recovery that is not over."""
        for epoch in reversed([each.epoch for each in await self._log.store.epochs()]):
            names = [str(epoch), f"{epoch} done"]
            taken = await self._log.store.taken(SCOPE, names)
            if names[0] in taken:
                return None if names[1] in taken else epoch
        return None

    async def _mark(self, epoch: int) -> Mark:
        taken = await self._log.store.taken(SCOPE, [str(epoch)])
        return msgspec.json.decode(taken[str(epoch)], type=Mark)

    async def _settled(self, said: int) -> HelloReply:
        """What the other side knows once it has taken all that is still in the stream."""
        loop = asyncio.get_running_loop()
        last, since = -1, loop.time()
        while True:
            reply = await self._greet()
            held = 0 if reply.holds is None else reply.holds.sequence
            if held > last:
                last, since = held, loop.time()
            if held >= said or loop.time() - since >= TAIL_S:
                return reply
            await asyncio.sleep(LOOK_S)

    async def _greet(self) -> HelloReply:
        return await self._peer.hello(await hello(self._log, self._author.source))

    # --- what comes back ----------------------------------------------------------------------

    async def _take_back(self, since: int) -> None:
        taking = TakingBack(self._log, self._author, self._interpreter, self._aftermath.keys)
        await taking.begin()
        while entries := (await self._peer.entries(since, PAGE_MAX)).entries:
            since += len(entries)
            for entry in entries:
                await self._take(taking, entry)
            await taking.flush()
        self.recovered += taking.recovered

    async def _take(self, taking: TakingBack, entry: bytes) -> None:
        for author, take in ((self._own, taking.ours), (self._author, taking.theirs)):
            try:
                arrived = read_entry(author, entry)
            except NotAuthentic:
                continue  # the other's unpublished events, and whatever else its log holds
            await take(arrived)

    # --- what follows -------------------------------------------------------------------------

    async def _begin_epoch(self, ended: int) -> None:
        mark = await self._mark(ended)
        rows = await self._log.store.read_streams([STREAM])
        if _first_of(rows, self._log.source, mark) is not None:
            return  # another process was in charge, too, and was quicker
        version = rows[-1].version if rows else 0
        head = await self._log.store.head()
        last = list(await self._log.store.read(head.position - 1, 1)) if head.position else []
        cause = last[0].id if last else head.log
        draft = Draft(
            id=derived_id(cause, "log-recovered"),
            subject=STREAM,
            time=self._clock(),
            correlationid=str(head.log),
            causationid=str(cause),
            actor=RECOVERING,
            data=await self._told(mark, head, ended),
        )
        epoch = head.epoch + 1
        try:
            await self._log.append_recovered(Append((draft,), {STREAM: version}, epoch=epoch))
        except (IdTaken, VersionConflict):
            return  # the same: one restore is one epoch
        _logger.critical(
            "epoch %d begins behind event %d, %d of them recovered",
            epoch,
            head.sequence,
            head.sequence - mark.sequence,
        )

    async def _told(self, mark: Mark, head: LogHead, ended: int) -> LogRecovered:
        gaps: list[tuple[int, int]] = []
        missing, last = 0, mark.position
        async for row in self._since(mark):
            if row.source != self._log.source or row.sequence is None:
                continue
            position = self._log.codec.decode(row.type, row.entry).position
            if position > last + 1:
                missing += position - last - 1
                if len(gaps) < LogRecovered.GAPS_MAX:
                    gaps.append((last + 1, position - 1))
            last = position
        return LogRecovered(
            old_epoch=head.epoch,
            epoch=head.epoch + 1,
            lost_from=mark.sequence + 1,
            recovered=head.sequence - mark.sequence,
            said=max(mark.said, head.sequence),
            after_position=mark.position,
            gaps=tuple(gaps),
            missing=missing,
        )

    async def _follow(self, epoch: int) -> None:
        first = await self._first(epoch)
        assert first is not None
        cause = self._log.codec.decode(first.type, first.entry)
        touched: dict[str, None] = {}
        async for row in self._since(await self._mark(epoch)):
            touched[row.stream] = None
        for request in await self._aftermath.restate(cause, touched):
            await self._log.append_recovered(request)
        await self._log.store.keep([UniqueKey(SCOPE, f"{epoch} done", "")])

    async def _first(self, epoch: int) -> Row | None:
        """The ``LogRecovered`` with which the recovery of that epoch ended."""
        mark = await self._mark(epoch)
        rows = await self._log.store.read_streams([STREAM])
        return _first_of(rows, self._log.source, mark)

    async def _since(self, mark: Mark) -> AsyncIterator[Row]:
        after = mark.position
        while rows := await self._log.store.read(after, PAGE_MAX):
            for row in rows:
                yield row
            after = rows[-1].position


def _first_of(rows: Sequence[Row], source: str, mark: Mark) -> Row | None:
    """Of the log's words about itself those behind the mark, the first that ends a recovery."""
    return next(
        (
            row
            for row in rows
            if row.type == LogRecovered.TYPE
            and row.source == source
            and row.position > mark.position
        ),
        None,
    )
