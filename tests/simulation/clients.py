"""Those who ask something of the services, and remember what they were told.

A client of the commands meets crashes and time-outs like one over HTTP: then it does not know, and
asks again with the same key, or leaves it. A system that publishes to the intake publishes
until the broker has its event, and waits for the receipt; sometimes it publishes once more.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final, Literal, TypeVar
from uuid import UUID

import msgspec

from shared.bus.dead_letters import DeadLettersUnavailable
from shared.bus.port import BusError, Message
from shared.eventlog.model import AppendUnsettled, LogUnavailable
from shared.events import subjects
from shared.events.intake import Receipt, Service
from shared.hosting.answers import Answer
from shared.hosting.commands import AnyCommand, CommandCall
from shared.hosting.failures import problem_of
from shared.hosting.idempotency import once_for
from shared.hosting.preconditions import ANY_VERSION
from shared.hosting.principal import Principal
from shared.hosting.problems import Kind
from tests.simulation.network import SimBus, Wire
from tests.simulation.services import Running
from tests.simulation.trace import Trace
from tests.simulation.weather import BEGINNING, uuid7

STRUCTURED: Final = (("Content-Type", "application/cloudevents+json"),)
PATIENCE_S: Final = 8.0
"""How long a client waits for an answer."""
LONG_AGO: Final = "2026-03-01T09:00:00Z"
"""When all that systems tell happened: before any clock's time, however it jumps."""
TRIES_MAX: Final = 12
RECEIPT_S: Final = 120.0
"""How long a system waits for a receipt. All trouble is over long before."""
LOOK_S: Final = 1.0
"""How often it looks whether its event is lost with the whole stream; then it publishes again."""

T = TypeVar("T")
Told = Literal["ok", "refused", "unknown"]


@dataclass
class Asked:
    """A command, every request that was made for it, and what its client knows in the end."""

    service: Service
    what: str
    keyed: bool
    requests: list[str] = field(default_factory=list)
    told: Told = "unknown"
    recorded: bool = False
    answer: Answer | None = None


@dataclass
class Said:
    """An intake event, and the receipts that came for it."""

    service: Service
    once: str
    what: str
    after: tuple[Service, int] | None = None
    receipts: list[Receipt] = field(default_factory=list)


class Clients:
    """``processes`` gives those of a service that take requests now."""

    def __init__(
        self, wire: Wire, trace: Trace, processes: Callable[[Service], Sequence[Running]]
    ) -> None:
        self._wire = wire
        self._trace = trace
        self._processes = processes
        self._count = 0
        self.asked: list[Asked] = []
        self.said: dict[str, Said] = {}
        self._receipts: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    # --- commands -----------------------------------------------------------------------------

    async def ask(
        self,
        service: Service,
        name: str,
        path: Mapping[str, str],
        body: msgspec.Struct,
        principal: Principal,
    ) -> Asked:
        """Asks until it is known what became of it, or until it is given up."""
        dice = self._wire.weather.dice
        self._count += 1
        key = f"key-{self._count}" if dice.random() < 0.8 else None
        raw = msgspec.json.encode(body)
        asked = Asked(service, f"{name} {dict(path)}", key is not None)
        self.asked.append(asked)
        for _ in range(TRIES_MAX):
            process = await self._find(service)
            if process is None:
                break
            command = process.commands[name]
            once = once_for(key, principal, command.method, command.path, raw, command.code)
            request = uuid7(self._wire.loop.time(), self._wire.weather.ids)
            asked.requests.append(str(request))
            call = CommandCall(
                principal=principal,
                path=path,
                body=body,
                now=BEGINNING,
                occurred_at=process_now(process),
                if_match=ANY_VERSION,
                request_id=request,
                correlation=str(request),
                traceparent=None,
                once=once,
            )
            answer = await self._call(process, command, call)
            self._note(asked, answer)
            if asked.told != "unknown" or (answer is not None and _undecided(answer) is False):
                break
            if key is None and (answer is None or answer.kind is Kind.UNSETTLED):
                break  # it might be done twice
            await asyncio.sleep(dice.random())
        self._trace(service, f"{asked.what} -> {asked.told}")
        return asked

    def _note(self, asked: Asked, answer: Answer | None) -> None:
        if answer is None or _undecided(answer):
            return
        asked.told = "ok" if answer.code < 300 else "refused"
        asked.answer = answer
        asked.recorded = answer.recorded

    async def _find(self, service: Service) -> Running | None:
        for _ in range(60):
            ready = self._processes(service)
            if ready:
                return self._wire.weather.dice.choice(ready)
            await asyncio.sleep(0.25)
        return None

    async def _call(
        self, process: Running, command: AnyCommand, call: CommandCall[Any]
    ) -> Answer | None:
        """One request; None if the connection was lost, or the client's patience."""
        wire, parts = self._wire, process.parts
        assert parts is not None
        answered: asyncio.Future[Answer | None] = wire.loop.create_future()
        work = parts.runner.carry(command, lambda: call, call.once, call.request_id)
        task = wire.start(process.process, work)
        task.add_done_callback(partial(_answered, answered, call.request_id), context=wire.context)
        return await self._answer_of(process, answered)

    async def _answer_of(self, process: Running, answered: asyncio.Future[T | None]) -> T | None:
        """None if the process dies, or patience is at its end."""
        loop = self._wire.loop
        deadline = loop.time() + PATIENCE_S
        while not answered.done() and process.process.is_alive and loop.time() < deadline:
            try:
                async with asyncio.timeout(0.5):
                    return await asyncio.shield(answered)
            except TimeoutError:
                continue
        return None

    # --- intake -------------------------------------------------------------------------------

    def heard(self, message: Message) -> None:
        """A receipt is in the stream of receipts."""
        receipt = msgspec.json.decode(message.body, type=Receipt)
        parsed = subjects.parse_receipt(message.subject)
        assert parsed is not None
        said = self.said.get(parsed.id)
        if said is not None:
            said.receipts.append(receipt)
            self._receipts[parsed.id].set()
        self._trace("bus", f"receipt {parsed.id} {receipt.outcome} {receipt.rule or ''}")

    async def publish(
        self,
        bus: SimBus,
        service: Service,
        system: str,
        kind: str,
        subject: str | None,
        data: Any,
        after: tuple[Service, int] | None = None,
    ) -> Said:
        """Publishes an event until there is a receipt for it, now and then once more."""
        self._count += 1
        event_id = f"e{self._count}"
        source = f"/{system}/sim"
        event = {
            "specversion": "1.0",
            "id": event_id,
            "source": source,
            "type": f"caselog.{service}.{kind}.v1",
            "time": LONG_AGO,
            "data": data,
        }
        if subject is not None:
            event["subject"] = subject
        if after is not None:
            event["after"] = f"{after[0]}:{after[1]}"
        said = self.said[event_id] = Said(
            service, f"{source}#{event_id}", f"{kind} {subject}", after
        )
        message = Message(subjects.intake(service, system, kind), msgspec.json.encode(event))
        dice = self._wire.weather.dice
        if dice.random() < 0.25:
            await self._post(said, message.body)
        if not said.receipts:
            await self._until_receipt(bus, message, event_id)
        if dice.random() < 0.3:
            await self._publish(bus, message)
        return said

    async def _post(self, said: Said, body: bytes) -> None:
        """The same event over HTTP, where the receipt is the answer; given up now and then."""
        for _ in range(3):
            process = await self._find(said.service)
            if process is None or process.parts is None:
                return
            answered: asyncio.Future[Receipt | None] = self._wire.loop.create_future()
            intake = process.parts.exchange.intake
            task = self._wire.start(process.process, intake.receive_http(STRUCTURED, body))
            task.add_done_callback(partial(_receipted, answered), context=self._wire.context)
            receipt = await self._answer_of(process, answered)
            if receipt is not None:
                said.receipts.append(receipt)
                self._trace(said.service, f"posted {said.what} -> {receipt.outcome}")
                return

    async def _until_receipt(self, bus: SimBus, message: Message, event_id: str) -> None:
        """Publishes until the broker has it; then waits, unless the broker has lost it."""
        deadline = self._wire.loop.time() + RECEIPT_S
        wiped = -1
        while self._wire.loop.time() < deadline:
            if wiped != bus.broker.wiped[subjects.INTAKE]:
                wiped = bus.broker.wiped[subjects.INTAKE]
                if not await self._publish(bus, message):
                    wiped = -1
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._receipts[event_id].wait()
                    return
            except TimeoutError:
                continue

    async def _publish(self, bus: SimBus, message: Message) -> bool:
        """Whether the broker says that it has it."""
        try:
            await bus.publish(subjects.INTAKE, [message])
        except BusError:
            return False
        return True


def process_now(process: Running) -> datetime:
    """The time on the clock of the machine that the process runs on."""
    return process.clock()


def _undecided(answer: Answer) -> bool:
    """Whether the same request may go otherwise the next time."""
    return answer.kind is not None and (answer.kind.passes or answer.kind is Kind.UNSETTLED)


def _answered(
    answered: asyncio.Future[Answer | None], request: UUID, task: asyncio.Task[Answer]
) -> None:
    if answered.done() or task.cancelled():
        return
    error = task.exception()
    if error is None:
        answered.set_result(task.result())
    elif isinstance(error, LogUnavailable | AppendUnsettled):
        kind = problem_of(error).kind
        answered.set_result(Answer(kind.status, b"", None, kind=kind))
    else:
        answered.set_exception(error)


def _receipted(answered: asyncio.Future[Receipt | None], task: asyncio.Task[Receipt]) -> None:
    if answered.done() or task.cancelled():
        return
    error = task.exception()
    if error is None:
        answered.set_result(task.result())
    elif isinstance(error, LogUnavailable | AppendUnsettled | DeadLettersUnavailable):
        answered.set_result(None)
    else:
        answered.set_exception(error)
