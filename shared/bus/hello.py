"""The hello: each side says what it has, and what it holds of the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from shared.bus.comparing import Said
from shared.bus.heads import announcement
from shared.bus.port import BusRefused, BusUnavailable
from shared.eventlog.log import EventLog
from shared.eventlog.model import LogHead, LogUnavailable, Row
from shared.events.reading import HeadAnnouncement

Number = Annotated[int, Meta(ge=0)]
Leaf = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class Event(Struct, frozen=True, kw_only=True):
    """A published event, by its number and the hash of its bytes in hexadecimal digits."""

    log: UUID
    epoch: Number
    sequence: Annotated[int, Meta(ge=1)]
    leaf: Leaf

    def said(self) -> Said:
        return Said(self.log, self.epoch, self.sequence, bytes.fromhex(self.leaf))


class Hello(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Asks the other side what it knows of this log.

    Attributes:
        head: The asker's head.
        holds: The last event of the other side that the asker holds.
    """

    head: HeadAnnouncement
    holds: Event | None = None


class HelloReply(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the asked one has, and knows of the asker.

    Attributes:
        head: The head of who answers.
        epochs: Its epochs, each with the sequence behind which it begins.
        at_your_holding: Its own event with the number of the last one that the asker holds.
        holds: The last event of the asker that it holds.
        at_your_end: Of those, the one with the number of the asker's last.
        heard: The position that it last heard the asker announce in the asker's epoch.
        since: The position in its log behind which all lies that the asker lacks: of its own
            events, and of the asker's.
    """

    head: HeadAnnouncement
    epochs: tuple[tuple[int, int], ...]
    at_your_holding: Event | None = None
    holds: Event | None = None
    at_your_end: Event | None = None
    heard: Number = 0
    since: Number = 0


_hello_decoder: Final = msgspec.json.Decoder(Hello)
_reply_decoder: Final = msgspec.json.Decoder(HelloReply)
_encode: Final = msgspec.json.Encoder().encode


def event_of(log: UUID, row: Row | None) -> Event | None:
    """A row of an author's published event, as it is said."""
    if row is None or row.sequence is None:
        return None
    return Event(log=log, epoch=row.epoch, sequence=row.sequence, leaf=row.leaf.hex())


async def hello(log: EventLog, peer: str) -> Hello:
    """What this side says; ``peer`` is the source of the other. Raises LogUnavailable."""
    head = await log.store.head()
    held = await log.store.received(peer)
    holds = None
    if held is not None:
        leaf = held.leaf.hex()
        holds = Event(log=held.log, epoch=held.epoch, sequence=held.sequence, leaf=leaf)
    return Hello(head=announcement(head), holds=holds)


def encoded(asked: Hello) -> bytes:
    return _encode(asked)


def decoded(reply: bytes) -> HelloReply:
    """Raises BusUnavailable for what cannot be read."""
    try:
        return _reply_decoder.decode(reply)
    except msgspec.DecodeError as error:
        raise BusUnavailable("a hello that cannot be read") from error


class Greeter:
    """Answers hellos from the log itself, also while it takes nothing.

    Args:
        log: this service's log.
        peer: the source of who asks.
        heard: the head that it last announced; None before it did.
        told: called when it holds more of this log than there is, or something else.
    """

    def __init__(
        self,
        log: EventLog,
        peer: str,
        heard: Callable[[], HeadAnnouncement | None],
        told: Callable[[], None],
    ) -> None:
        self._log = log
        self._peer = peer
        self._heard = heard
        self._told = told

    async def answer(self, request: bytes) -> bytes:
        """Raises BusRefused for a request that cannot be read, BusUnavailable."""
        try:
            asked = _hello_decoder.decode(request)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BusRefused(f"not a hello that can be read: {error}") from None
        try:
            return _encode(await self._reply(asked))
        except LogUnavailable as error:
            raise BusUnavailable(f"the log cannot be read now: {error}") from error

    async def _reply(self, asked: Hello) -> HelloReply:
        store, source = self._log.store, self._log.source
        head = await store.head()
        epochs = await store.epochs()
        held = await store.received(self._peer)
        yours = asked.head
        at_end = await store.said(self._peer, yours.sequence) if yours.sequence else None
        mine = None if asked.holds is None else await store.said(source, asked.holds.sequence)
        holds = None
        if held is not None:
            last = await store.said(self._peer, held.sequence)
            holds = event_of(held.log, last)
        own = event_of(head.log, mine)
        if asked.holds is not None and (own is None or own.leaf != asked.holds.leaf):
            self._told()
        return HelloReply(
            head=announcement(head),
            epochs=tuple((each.epoch, each.after) for each in epochs),
            at_your_holding=own,
            holds=holds,
            at_your_end=None if held is None else event_of(held.log, at_end),
            heard=self._position_heard(yours),
            since=min(
                _position(at_end, yours.sequence),
                _position(mine, 0 if asked.holds is None else asked.holds.sequence),
            ),
        )

    def _position_heard(self, yours: HeadAnnouncement) -> int:
        heard = self._heard()
        if heard is None or (heard.log, heard.epoch) != (yours.log, yours.epoch):
            return 0
        return heard.position


def _position(row: Row | None, sequence: int) -> int:
    return row.position if row is not None and sequence else 0


def head_of(said: HeadAnnouncement) -> LogHead:
    """An announced head, as the kernel has it."""
    return LogHead(said.log, said.epoch, said.position, said.sequence)
