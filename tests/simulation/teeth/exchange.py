"""Wrong variants of relay, receiver, intake and heads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from shared.bus.entries import Arrived
from shared.bus.heads import PeerHead
from shared.bus.healing import Healer
from shared.bus.intake import Intake
from shared.bus.patience import AWAY
from shared.bus.relay import Handover, Relay
from shared.bus.storing import Held, Keeper
from shared.eventlog.model import Row
from tests.simulation.teeth.variant import Variant

Call = Callable[..., Awaitable[Any]]


def _acknowledging_first(settle: Call) -> Call:
    async def wrong(self: Intake, item: Any, consumer: Any) -> None:
        await consumer.ack(item.delivery)
        await settle(self, item, consumer)

    return wrong


def _held_before_it_is_stored(append: Call) -> Call:
    async def wrong(self: Keeper, request: Any, arrived: Sequence[Arrived]) -> None:
        last = arrived[-1]
        self.held = Held(last.log, last.event.epoch, last.sequence)
        await append(self, request, arrived)

    return wrong


def _cursor_first(publish: Call) -> Call:
    async def wrong(self: Relay, rows: Sequence[Row], suffix: str = "") -> int:
        if not suffix:
            self._cursor = rows[-1].sequence
        taken: int = await publish(self, rows, suffix)
        return taken

    return wrong


def _same_ids_again(publish: Call) -> Call:
    async def wrong(self: Relay, rows: Sequence[Row], suffix: str = "") -> int:
        taken: int = await publish(self, rows)
        return taken

    return wrong


def _over_the_gap(_: Any) -> Any:
    def wrong(self: Handover, after: int) -> list[Row]:
        taken = [row for row in self._rows if (row.sequence or 0) > after]
        self._rows.clear()
        self._bytes = 0
        return taken

    return wrong


def _skipping_poison(alone: Call) -> Call:
    async def wrong(self: Keeper, arrived: Arrived) -> None:
        self.held = Held(arrived.log, arrived.event.epoch, arrived.sequence)

    return wrong


def _terminating(settle: Call) -> Call:
    async def wrong(self: Intake, item: Any, consumer: Any) -> None:
        delivery = item.delivery
        headers = tuple(delivery.headers.items())
        try:
            await self._outcome(delivery.subject, headers, delivery.body, item.event)
        except AWAY:
            self._in_flight.pop(delivery.identity, None)
            self._room.set()
            await consumer.ack(delivery)
            return
        await settle(self, item, consumer)

    return wrong


def _deaf(_: Call) -> Call:
    async def wrong(self: PeerHead, body: bytes) -> None:
        """Whatever the other announces: the next message will tell."""

    return wrong


def _taking_what_comes(_: Call) -> Call:
    async def wrong(self: Any, upto: int, *, patient: bool) -> bool:
        held = self._keeper.held
        if held is not None:
            self._keeper.held = Held(held.log, held.epoch, upto)
        return True

    return wrong


def _late_copies_unanswered(begin: Call) -> Call:
    async def wrong(self: Intake, delivery: Any, consumer: Any) -> None:
        if delivery.identity not in self._acknowledged:
            await begin(self, delivery, consumer)

    return wrong


VARIANTS: Final = (
    Variant(
        "acknowledge before commit",
        "an event of another system is lost with the process that took it",
        Intake,
        "_settle",
        _acknowledging_first,
    ),
    Variant(
        "delivered before commit",
        "what is told to be held is not held yet",
        Keeper,
        "_append",
        _held_before_it_is_stored,
    ),
    Variant(
        "cursor before publish",
        "what could not be published is never published",
        Relay,
        "_publish",
        _cursor_first,
    ),
    Variant(
        "trusting duplicate",
        "what was purged is sent again under its old id, and nothing is stored",
        Relay,
        "_publish",
        _same_ids_again,
        frozenset({"purge", "database restart", "frozen process"}),
    ),
    Variant(
        "publishing over a gap in memory",
        "what did not fit into the queue is never published",
        Handover,
        "take",
        _over_the_gap,
    ),
    Variant(
        "skipping a poison event",
        "what cannot be interpreted is not stored",
        Keeper,
        "_alone",
        _skipping_poison,
    ),
    Variant(
        "the framework's default ack policy",
        "a message is terminated on the first exception",
        Intake,
        "_settle",
        _terminating,
    ),
    Variant(
        "healing only on the next message",
        "a lost tail stays lost for as long as nothing follows",
        PeerHead,
        "_heard",
        _deaf,
    ),
    Variant(
        "going on behind a hole",
        "what was lost on the way is never asked for",
        Healer,
        "heal",
        _taking_what_comes,
    ),
    Variant(
        "late copies are dropped unacknowledged",
        "they come again for ever",
        Intake,
        "_begin",
        _late_copies_unanswered,
    ),
)
