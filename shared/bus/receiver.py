"""Receives one author's events: one ordered loop in which every loss is a hole that gets healed.

The next in sequence is taken. What was seen before with the same bytes is dropped. What lies
further on shows a hole, which is healed from the author's log; so is a tail that was announced and
does not come. What was seen before with *other* bytes means that its author said two things under
one number: nothing more of that author is taken until an operator has looked. What is not the
author's becomes a dead letter and holds up nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final, NoReturn

import msgspec

from shared.bus.alarms import CANNOT_STORE, EQUIVOCATION, NOT_AUTHENTIC, OTHER_LOG, Alarm, Stopped
from shared.bus.dead_letters import DeadLetter, DeadLetters, DeadLettersUnavailable, Rejected
from shared.bus.entries import Arrived, Author, NotAuthentic, read_entry
from shared.bus.heads import PeerHead
from shared.bus.healing import Healer, Identity
from shared.bus.patience import Patience
from shared.bus.peer_log import Peer
from shared.bus.port import Bus, BusError, Consumer, Delivery
from shared.bus.storing import CannotStore, Interpreter, Keeper
from shared.eventlog.groups import leaf_hash
from shared.eventlog.log import EventLog

BATCH_MAX: Final = 256
LOOK_S: Final = 0.5
"""How often an idle receiver compares what it holds with the author's head."""
OVERDUE_S: Final = 2.0
"""How long events may be announced and not arrive before they are asked for."""
PROGRESS_S: Final = 10.0
"""How often the broker is told that a batch is still being worked on."""
CLEARED_S: Final = 2.0
"""How often a stopped receiver looks whether it may go on."""
FOREIGN_LOGS_MAX: Final = 100

Numbered = tuple[int, int]
"""An author's event by its epoch and sequence."""

_logger = logging.getLogger(__name__)


class ReceiverStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How receiving goes.

    Attributes:
        sequence: The author's events are held up to this one, without a gap.
        announced: The author's last sequence, as it announced it last; None before it did.
        stored: Events stored by this process.
        duplicates: Messages that were seen before with the same bytes.
        healed: Of the stored, those that were asked of the author's log.
        rejected: Messages that were not the author's, kept as dead letters.
        stale: Messages of an earlier epoch of the author's log.
        conflicts: Races lost against local commands, and run again.
        uninterpreted: Events stored without what follows from them, as the interpreter failed.
        alarm: Why nothing more is taken; None if all is well.
        last_error: Why nothing is stored now; None if something is.
    """

    sequence: int
    announced: int | None
    stored: int
    duplicates: int
    healed: int
    rejected: int
    stale: int
    conflicts: int
    uninterpreted: int
    alarm: Alarm | None
    last_error: str | None


class Receiver:
    """Takes one author's events into this service's log. ``run`` may be cancelled and run again.

    Args:
        log: this service's log.
        author: whose events.
        bus: where they come from.
        consumer: the name of the durable consumer on the author's stream.
        peer: the author's log, by request.
        head: the author's announcements.
        interpreter: what this service makes of them.
        dead_letters: where what is not the author's is kept, and the evidence of an alarm.
    """

    def __init__(
        self,
        *,
        log: EventLog,
        author: Author,
        bus: Bus,
        consumer: str,
        peer: Peer,
        head: PeerHead,
        interpreter: Interpreter,
        dead_letters: DeadLetters,
    ) -> None:
        self._log = log
        self._author = author
        self._bus = bus
        self._consumer_name = consumer
        self._head = head
        self._dead_letters = dead_letters
        self._patience = Patience(f"receiving from {author.service}", self._still_working)
        self._keeper = Keeper(log, author, interpreter, self._patience)
        self._healer = Healer(log, author, peer, self._keeper, self._patience)
        self._consumer: Consumer | None = None
        self._in_hand: Sequence[Delivery] = ()
        self._told_at = 0.0
        self._moved = (0, 0.0)
        self._foreign_logs: set[Identity] = set()
        self._duplicates = 0
        self._rejected = 0
        self._stale = 0
        self._alarm: Alarm | None = None

    @property
    def sequence(self) -> int:
        """The author's events are held up to this one, without a gap."""
        return self._keeper.sequence

    @property
    def identity(self) -> Identity | None:
        """The author's log and its epoch, as far as they are known here."""
        return self._healer.identity

    @property
    def status(self) -> ReceiverStatus:
        keeper, head = self._keeper, self._head.latest
        return ReceiverStatus(
            sequence=keeper.sequence,
            announced=None if head is None else head.sequence,
            stored=keeper.stored,
            duplicates=self._duplicates,
            healed=self._healer.healed,
            rejected=self._rejected,
            stale=self._stale,
            conflicts=keeper.conflicts,
            uninterpreted=keeper.uninterpreted,
            alarm=self._alarm,
            last_error=self._patience.last_error or keeper.last_error,
        )

    async def run(self) -> None:
        """Receives for ever."""
        while True:
            await self._keeper.look()
            try:
                async with self._bus.consume(self._author.stream, self._consumer_name) as consumer:
                    self._consumer = consumer
                    await self._receive(consumer)
            except Stopped as stopped:
                self._alarm = stopped.alarm
                _logger.critical("%s is stopped: %s", self._author.service, stopped)
            finally:
                self._consumer, self._in_hand = None, ()
            await self._cleared()
            self._alarm = None

    async def _receive(self, consumer: Consumer) -> NoReturn:
        loop = asyncio.get_running_loop()
        while True:
            deliveries = await consumer.next(BATCH_MAX, LOOK_S)
            if deliveries:
                self._in_hand, self._told_at = deliveries, loop.time()
                await self._take(deliveries)
                self._in_hand = ()
                await consumer.ack(deliveries[-1])
            await self._mind_the_head()

    # --- messages -----------------------------------------------------------------------------

    async def _take(self, deliveries: Sequence[Delivery]) -> None:
        known: list[tuple[Delivery, Arrived]] = []
        for delivery in deliveries:
            try:
                arrived = read_entry(self._author, delivery.body, delivery.subject)
            except NotAuthentic as error:
                await self._reject(delivery, str(error))
                continue
            if self._healer.fits(arrived) or await self._is_of_the_log(delivery, arrived):
                known.append((delivery, arrived))
        leaves = await self._leaves([each for _, each in known])
        run: list[Arrived] = []
        for delivery, each in known:
            if each.sequence > self.sequence + len(run) + 1:
                await self._store(run)
                run = []
                if not await self._healer.heal(each.sequence - 1, patient=True):
                    await self._reject(delivery, "its author's log does not reach that far")
                    continue
            if each.sequence == self.sequence + len(run) + 1:
                run.append(each)
            else:
                await self._compare(delivery, each, run, leaves)
        await self._store(run)

    async def _is_of_the_log(self, delivery: Delivery, arrived: Arrived) -> bool:
        seen = (arrived.log, arrived.event.epoch)
        ours = await self._healer.adopt(seen)
        if self._healer.fits(arrived):
            return True
        if self._is_stale(arrived, ours):
            return False
        if seen not in self._foreign_logs:
            try:
                await self._healer.check()  # only the author can say that it changed its log
            except BusError as error:
                # If it did, its head will tell, and nothing is lost: its log has this event.
                _logger.info("%s cannot be asked: %s", self._author.service, error)
            else:
                if len(self._foreign_logs) >= FOREIGN_LOGS_MAX:
                    self._foreign_logs.clear()
                self._foreign_logs.add(seen)
            if self._healer.fits(arrived):
                return True
            if self._is_stale(arrived, await self._healer.adopt(seen)):
                return False
        await self._reject(delivery, "its log is not its author's")
        return False

    def _is_stale(self, arrived: Arrived, ours: Identity) -> bool:
        """Whether it was said in an epoch that ended before: it was lost, and counts no more."""
        of_ours = arrived.log == ours[0]
        stale = of_ours and arrived.event.epoch < self._healer.epoch_of(arrived.sequence)
        self._stale += stale
        return stale

    async def _compare(
        self,
        delivery: Delivery,
        each: Arrived,
        run: Sequence[Arrived],
        leaves: Mapping[Numbered, bytes],
    ) -> None:
        """Seen before: is it the same? Raises Stopped."""
        leaf = leaf_hash(each.event.entry)
        number = (each.event.epoch, each.sequence)
        held = leaves.get(number)
        if held is None and each.sequence > self.sequence:
            held = leaf_hash(run[each.sequence - self.sequence - 1].event.entry)
        if held is None:
            held = (await self._leaves([each])).get(number)
        if held is None:
            source = self._author.source
            row = await self._patience(lambda: self._log.store.said(source, each.sequence))
            assert row is not None, "all up to the last are held"
            if row.epoch > each.event.epoch:
                self._stale += 1
                return
            held = row.leaf
        if leaf == held:
            self._duplicates += 1
            return
        await self._store(run)
        reason = f"event {each.sequence} is held with leaf {held.hex()}; this has {leaf.hex()}"
        letter = await self._keep(delivery, EQUIVOCATION, reason)
        if letter.state != "discarded":
            raise Stopped(Alarm(EQUIVOCATION, reason, letter.id))

    async def _leaves(self, arrived: Sequence[Arrived]) -> Mapping[Numbered, bytes]:
        by_epoch: defaultdict[int, list[int]] = defaultdict(list)
        for each in arrived:
            if each.sequence <= self.sequence:
                by_epoch[each.event.epoch].append(each.sequence)
        leaves: dict[Numbered, bytes] = {}
        for epoch, wanted in by_epoch.items():
            ask = partial(self._log.store.received_leaves, self._author.source, epoch, wanted)
            found = await self._patience(ask)
            leaves |= {(epoch, number): leaf for number, leaf in found.items()}
        return leaves

    async def _store(self, run: Sequence[Arrived]) -> None:
        try:
            await self._keeper.store(run)
        except CannotStore as error:
            raise Stopped(Alarm(CANNOT_STORE, str(error))) from error

    async def _reject(self, delivery: Delivery, reason: str) -> None:
        await self._keep(delivery, NOT_AUTHENTIC, reason)
        self._rejected += 1
        _logger.warning("not of %s: %s", self._author.service, reason)

    async def _keep(self, delivery: Delivery, rule: str, reason: str) -> DeadLetter:
        headers = tuple(delivery.headers.items())
        rejected = Rejected(
            route=delivery.subject, headers=headers, body=delivery.body, reason=reason, rule=rule
        )
        return await self._patience(lambda: self._dead_letters.keep(rejected))

    # --- the author's log ---------------------------------------------------------------------

    async def _mind_the_head(self) -> None:
        """What was announced and has not come is asked for. Raises Stopped."""
        head, ours = self._head.latest, self._healer.identity
        now = asyncio.get_running_loop().time()
        if head is None:
            return
        is_other = ours is not None and (head.log, head.epoch) != ours
        if self._moved[0] != self.sequence or (not is_other and head.sequence <= self.sequence):
            self._moved = (self.sequence, now)
        try:
            # An announcement is a hint: the author's log itself says what it is and holds.
            if is_other:
                await self._healer.check()
            elif now - self._moved[1] >= OVERDUE_S:
                _logger.info("%s announced %d; asking", self._author.service, head.sequence)
                await self._healer.heal(head.sequence, patient=False)
            self._patience.last_error = None
        except BusError as error:
            self._patience.last_error = str(error)

    # --- waiting ------------------------------------------------------------------------------

    async def _still_working(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._in_hand and self._consumer is not None and now - self._told_at >= PROGRESS_S:
            self._told_at = now
            await self._consumer.in_progress(self._in_hand)

    async def _cleared(self) -> None:
        """Returns when what stopped the author is gone, or worth another try."""
        assert self._alarm is not None
        rule, letter = self._alarm.rule, self._alarm.letter
        while True:
            await asyncio.sleep(CLEARED_S)
            try:
                if letter is not None:
                    found = await self._dead_letters.find(letter)
                    if found is None or found.state != "open":
                        return
                elif rule == OTHER_LOG:
                    await self._healer.check()
                    return
                else:
                    return
            except (Stopped, BusError, DeadLettersUnavailable):
                continue
