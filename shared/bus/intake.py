"""Takes what other systems publish: each event gets one outcome, and waits for no stranger's.

Events about one thing are handled one after the other, in the order they came; events about
different things at the same time. An event is acknowledged when its outcome is durable and its
receipt is published. After a crash between the two it comes again, and its receipt says
``duplicate``.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

import msgspec

from shared.bus.dead_letters import DeadLetter, DeadLetters, Rejected
from shared.bus.endings import ended
from shared.bus.patience import Patience
from shared.bus.port import Bus, Consumer, Delivery
from shared.bus.receipts import Receipts
from shared.events import cloudevents, subjects
from shared.events.headers import Headers
from shared.events.intake import Fault, IntakeEvent, Malformed, Receipt, Service

IN_FLIGHT_MAX: Final = 1_000
"""Events that are handled or wait for the one before them, or for what they are about."""
REMEMBERED_MAX: Final = 10_000
"""Acknowledged messages whose late copies are still known."""
BATCH_MAX: Final = 256
IDLE_S: Final = 1.0
PROGRESS_S: Final = 10.0
"""How often the broker is told that events are still being handled."""
ATTEMPTS_MAX: Final = 3
"""How often an event is handled on which the handler fails for no known reason."""
HTTP_ROUTE: Final = "POST /events"
INTERNAL_ERROR: Final = "internal-error"
"""The rule of a receipt for an event on which the handler fails."""

_FAULTS: Final = frozenset(Fault)
_SAID_IN_HEADERS: Final = ("content-type", "ce-")

_logger = logging.getLogger(__name__)


class IntakeHandler(Protocol):
    """Given by the service: what becomes of an event of another system."""

    async def handle(self, event: IntakeEvent) -> Receipt:
        """Its outcome, durable when this returns. The same event again gives ``duplicate``.

        A refusal whose rule is a ``Fault`` is malformed input and becomes a dead letter. Raises
        LogUnavailable and AppendUnsettled to be called again later; what else it raises is a bug.
        """


class IntakeStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How taking in goes; the counts are of this process."""

    in_flight: int
    recorded: int
    duplicate: int
    refused: int
    dead_letters: int
    last_error: str | None


class _Item:
    """One message on its way; ``delivery`` is its latest copy."""

    __slots__ = ("delivery", "event")

    def __init__(self, delivery: Delivery, event: IntakeEvent | Malformed) -> None:
        self.delivery = delivery
        self.event = event


class Intake:
    """Handles what is published to one service. ``run`` may be cancelled and run again."""

    def __init__(
        self,
        *,
        service: Service,
        bus: Bus,
        consumer: str,
        handler: IntakeHandler,
        dead_letters: DeadLetters,
        clock: Callable[[], datetime],
    ) -> None:
        self._service = service
        self._bus = bus
        self._consumer_name = consumer
        self._handler = handler
        self._dead_letters = dead_letters
        self._clock = clock
        self._receipts = Receipts(bus)
        self._patience = Patience(f"intake of {service}")
        self._in_flight: dict[str, _Item] = {}
        self._acknowledged: OrderedDict[str, None] = OrderedDict()
        self._lanes: dict[str, deque[_Item]] = {}
        self._room = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._publishing: set[asyncio.Task[None]] = set()
        self._counts = {"recorded": 0, "duplicate": 0, "refused": 0}
        self._kept = 0

    @property
    def status(self) -> IntakeStatus:
        return IntakeStatus(
            in_flight=len(self._in_flight),
            recorded=self._counts["recorded"],
            duplicate=self._counts["duplicate"],
            refused=self._counts["refused"],
            dead_letters=self._kept,
            last_error=self._patience.last_error,
        )

    async def run(self) -> None:
        """Takes in for ever; cancelled, it leaves what has no outcome yet to the next run."""
        try:
            async with (
                self._bus.consume(subjects.INTAKE, self._consumer_name) as consumer,
                asyncio.TaskGroup() as group,
            ):
                group.create_task(self._tell_progress(consumer))
                while True:
                    room = IN_FLIGHT_MAX - len(self._in_flight)
                    if room <= 0:
                        self._room.clear()
                        await self._room.wait()
                        continue
                    for delivery in await consumer.next(min(room, BATCH_MAX), IDLE_S):
                        await self._begin(delivery, consumer)
        finally:
            await ended(*self._tasks)
            self._in_flight.clear()
            self._lanes.clear()

    async def receive_http(self, headers: Headers, body: bytes) -> Receipt:
        """What was posted to ``/events``; its receipt is published too, once the broker is there.

        Raises LogUnavailable, AppendUnsettled, DeadLettersUnavailable; what the handler raises.
        """
        event = cloudevents.from_http(self._service, headers, body, now=self._clock())
        # No credentials into dead letters: only what says what the event is.
        kept = [each for each in headers if each[0].lower().startswith(_SAID_IN_HEADERS)]
        receipt = await self._outcome(HTTP_ROUTE, kept, body, event)
        self._publish_soon(event, receipt)
        return receipt

    async def retry(self, letter: DeadLetter) -> Receipt:
        """Handles a dead letter again; unless it is refused again, it is settled.

        Raises as ``receive_http``; ValueError for a letter that is not of the intake.
        """
        if letter.route == HTTP_ROUTE:
            event = cloudevents.from_http(
                self._service, letter.headers, letter.body, now=self._clock()
            )
        elif letter.route.startswith("intake."):
            event = self._read(letter.route, letter.headers, letter.body)
        else:
            raise ValueError(f"{letter.route} is no route of the intake")
        if isinstance(event, Malformed):
            return event.receipt()
        receipt = await self._handler.handle(event)
        if receipt.outcome != "refused":
            note = f"{receipt.outcome} as {receipt.key}"
            await self._dead_letters.settle(letter.id, "retried", note)
        self._publish_soon(event, receipt)
        return receipt

    async def close(self) -> None:
        """Gives up on receipts that the broker did not take yet."""
        await ended(*self._publishing)

    # --- lanes --------------------------------------------------------------------------------

    async def _begin(self, delivery: Delivery, consumer: Consumer) -> None:
        copy = self._in_flight.get(delivery.identity)
        if copy is not None:
            copy.delivery = delivery  # delivered again while it is handled: the latest counts
            return
        if delivery.identity in self._acknowledged:
            await consumer.ack(delivery)  # that was lost, or this copy overtook it
            return
        event = self._read(delivery.subject, tuple(delivery.headers.items()), delivery.body)
        item = self._in_flight[delivery.identity] = _Item(delivery, event)
        lane = _lane(event, delivery)
        waiting = self._lanes.get(lane)
        if waiting is not None:
            waiting.append(item)
            return
        self._lanes[lane] = deque([item])
        task = asyncio.create_task(self._work(lane, consumer), name="intake-lane")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, lane: str, consumer: Consumer) -> None:
        waiting = self._lanes[lane]
        try:
            while waiting:
                await self._settle(waiting.popleft(), consumer)
        finally:
            self._lanes.pop(lane, None)

    async def _settle(self, item: _Item, consumer: Consumer) -> None:
        identity = item.delivery.identity
        try:
            receipt = await self._outcome_in_the_end(item)
            await self._patience(lambda: self._publish(item.event, receipt))
            await consumer.ack(item.delivery)
            self._acknowledged[identity] = None
            if len(self._acknowledged) > REMEMBERED_MAX:
                self._acknowledged.popitem(last=False)
        except Exception:
            _logger.exception("an event has no outcome; it will come again")
        finally:
            self._in_flight.pop(identity, None)
            self._room.set()

    async def _tell_progress(self, consumer: Consumer) -> None:
        while True:
            await asyncio.sleep(PROGRESS_S)
            deliveries = [item.delivery for item in self._in_flight.values()]
            if deliveries:
                await consumer.in_progress(deliveries)

    # --- outcomes -----------------------------------------------------------------------------

    def _read(self, subject: str, headers: Headers, body: bytes) -> IntakeEvent | Malformed:
        return cloudevents.from_bus(subject, headers, body, now=self._clock())

    async def _outcome_in_the_end(self, item: _Item) -> Receipt:
        route, body = item.delivery.subject, item.delivery.body
        headers = tuple(item.delivery.headers.items())
        failure = ""
        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                return await self._patience(lambda: self._outcome(route, headers, body, item.event))
            except Exception as error:
                _logger.exception("handling an event failed", extra={"route": route})
                failure = type(error).__name__
                await self._patience.pause(error, attempt)
        reason = f"could not be processed ({failure}); kept, to be tried again"
        rejected = Rejected(
            route=route, headers=headers, body=body, reason=reason, rule=INTERNAL_ERROR
        )
        await self._patience(lambda: self._keep(rejected))
        self._counts["refused"] += 1
        return Receipt(outcome="refused", reason=reason, rule=INTERNAL_ERROR)

    async def _outcome(
        self, route: str, headers: Headers, body: bytes, event: IntakeEvent | Malformed
    ) -> Receipt:
        if isinstance(event, Malformed):
            receipt = event.receipt()
        else:
            receipt = await self._handler.handle(event)
        if receipt.outcome == "refused" and receipt.rule in _FAULTS:
            await self._keep(
                Rejected(
                    route=route,
                    headers=tuple(headers),
                    body=body,
                    reason=receipt.reason or "",
                    rule=receipt.rule or "",
                )
            )
        self._counts[receipt.outcome] += 1
        return receipt

    async def _keep(self, rejected: Rejected) -> None:
        await self._dead_letters.keep(rejected)
        self._kept += 1

    def _publish_soon(self, event: IntakeEvent | Malformed, receipt: Receipt) -> None:
        """For somebody who has the receipt already, and does not wait for the broker."""
        if len(self._publishing) >= IN_FLIGHT_MAX:
            _logger.warning("a receipt is not published: too many wait for the broker")
            return
        task = asyncio.create_task(
            self._patience(lambda: self._publish(event, receipt)), name="intake-receipt"
        )
        self._publishing.add(task)
        task.add_done_callback(self._publishing.discard)

    async def _publish(self, event: IntakeEvent | Malformed, receipt: Receipt) -> None:
        if event.system is not None and event.id is not None:
            await self._receipts.publish(event.system, event.id, receipt)


def _lane(event: IntakeEvent | Malformed, delivery: Delivery) -> str:
    """What the event is about, as far as it says: the events of one lane are handled in order."""
    if isinstance(event, Malformed):
        return delivery.identity
    return event.subject or event.once
