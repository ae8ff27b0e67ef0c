"""One world: two services, two databases, a broker, people, systems and trouble, from one seed."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from shared.bus import relay
from shared.bus.port import Message
from shared.events import subjects
from shared.events.intake import Service
from tests.simulation.auditor import Auditor, Violation
from tests.simulation.broker import SERVICES, SimBroker
from tests.simulation.clients import Clients
from tests.simulation.database import Database
from tests.simulation.faults import Faults
from tests.simulation.knobs import turned
from tests.simulation.loop import NothingToDo, Process, SimLoop, TooManySteps
from tests.simulation.network import SimBus, Wire
from tests.simulation.quiescence import Ending
from tests.simulation.services import IDENTITIES, Running, Seat
from tests.simulation.trace import Trace
from tests.simulation.weather import KNOB, WallClock, Weather, uuid7
from tests.simulation.workload import Workload

CALM_S: Final = 150.0
"""Seconds after the last trouble within which everything has arrived everywhere."""
LOOK_S: Final = 0.5


@dataclass
class Outcome:
    """How a world ended. ``check`` names what was broken; None: nothing was."""

    seed: int
    digest: str
    check: str | None = None
    detail: str = ""
    trace: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)


class World:
    """``run`` lives through it."""

    def __init__(self, seed: int, kinds: frozenset[str] | None = None) -> None:
        self.seed = seed
        self.loop = SimLoop()
        self.weather = Weather(seed, kinds)
        self.trace = Trace(self.loop.time)
        self.auditor = Auditor()
        self.broker = SimBroker(self._noted)
        self.wire = Wire(
            self.broker, self.loop, self.weather, copy_context(), self.auditor.announced
        )
        self.clocks: Mapping[Service, WallClock] = {
            service: WallClock(self.loop.time) for service in SERVICES
        }
        self.seats: Mapping[Service, Seat] = {service: Seat() for service in SERVICES}
        self.databases: Mapping[Service, Database] = {
            service: self._database(service) for service in SERVICES
        }
        self.running: dict[Service, list[Running]] = {service: [] for service in SERVICES}
        self.clients = Clients(self.wire, self.trace, self._ready)
        self._wanted = {service: self.weather.dice.choice((1, 1, 2)) for service in SERVICES}
        self._started = 0
        self._refills = True

    def _database(self, service: Service) -> Database:
        return Database(
            service,
            source=IDENTITIES[service].source,
            clock=self.clocks[service],
            new_id=self._new_id,
            committed=self.auditor.committed,
        )

    def _new_id(self) -> UUID:
        return uuid7(self.loop.now, self.weather.ids)

    def _noted(self, stream: str, message: Message) -> None:
        if stream == subjects.RECEIPTS:
            self.clients.heard(message)
        else:
            self.auditor.stored(stream, message)

    # --- processes ----------------------------------------------------------------------------

    def alive(self, service: Service) -> list[Running]:
        return [each for each in self.running[service] if each.process.is_alive]

    def _ready(self, service: Service) -> list[Running]:
        return [each for each in self.running[service] if each.is_ready and each.process.is_alive]

    def start(self, service: Service) -> None:
        """One more process of a service."""
        self._started += 1
        process = Process(f"{service}{self._started}", self._killed)
        running = Running(
            service,
            process,
            self.databases[service],
            self.wire,
            self.seats[service],
            self.clocks[service],
        )
        self.running[service].append(running)
        self.loop.start(process, running.run())

    def _killed(self, process: Process) -> None:
        self.trace("fault", f"{process.name} is gone")
        self.broker.forget(process)
        for service in SERVICES:
            self.seats[service].leave(process)
            here = self.running[service]
            if any(each.process is process for each in here):
                here[:] = [each for each in here if each.process is not process]
                if len(here) < self._wanted[service]:
                    pause = 0.05 + self.weather.dice.random() * 2
                    self.wire.later(pause, self.start, service)

    # --- life ---------------------------------------------------------------------------------

    async def _live(self) -> None:
        for service in SERVICES:
            for _ in range(self._wanted[service]):
                self.start(service)
        bus = SimBus(self.wire, Process("system", lambda _: None), "ops", ())
        workload = Workload(self.seed, self.clients, bus)
        over = asyncio.Event()
        trouble = asyncio.create_task(Faults(self.seed, self).run(over))
        working = asyncio.create_task(workload.run())
        while not working.done():
            await asyncio.wait({working}, timeout=LOOK_S)
            self._look()
            if self.loop.now > 30:
                over.set()  # who still waits for an answer shall have it in peace
                self.weather.calm()
        working.result()
        over.set()
        await trouble
        self.weather.calm()
        ending = Ending(self)
        deadline = self.loop.now + CALM_S
        while (missing := ending.missing()) is not None:
            self._look()
            if self.loop.now > deadline:
                raise Violation("lag", f"{CALM_S:.0f} s after the last trouble: {missing}")
            await asyncio.sleep(LOOK_S)
        self._look()
        ending.judge()

    def _look(self) -> None:
        for service in SERVICES:
            for each in self.alive(service):
                if each.parts is not None and self._refills:
                    self.auditor.relayed(service, each.parts.exchange.relay.status)
        if self.auditor.found is not None:
            raise self.auditor.found
        for context in self.loop.errors:
            raise Violation("crash", f"{context.get('message')}: {context.get('exception')!r}")

    def run(self) -> Outcome:
        """Never raises for what the world under test does wrong."""
        logging.disable(logging.CRITICAL)
        outcome = Outcome(self.seed, "")
        with ExitStack() as stack:
            stack.callback(logging.disable, logging.NOTSET)
            stack.callback(self.loop.bury)
            if KNOB in self.weather.kinds:
                stack.enter_context(turned(self.weather))
                # A relay whose limit is that small leaves what is older to the log, and rightly.
                self._refills = relay.REFILL_MAX > 1_000
            try:
                self.loop.run_until_complete(self._live())
            except Violation as violation:
                outcome.check, outcome.detail = violation.check, str(violation)
            except (NothingToDo, TooManySteps) as stuck:
                outcome.check, outcome.detail = "stuck", repr(stuck)
            except Exception as error:  # noqa: BLE001 - a request that ends so is a 500
                outcome.check, outcome.detail = "crash", repr(error)
        self.trace("world", f"ends after {self.loop.steps} steps: {outcome.check}")
        outcome.digest = self.trace.digest
        outcome.trace = list(self.trace.last)
        outcome.faults = self.weather.counts
        outcome.counts = self._counts()
        return outcome

    def _counts(self) -> Counter[str]:
        counts = Counter(f"commands {asked.told}" for asked in self.clients.asked)
        for said in self.clients.said.values():
            counts[f"intake {said.receipts[-1].outcome if said.receipts else 'lost'}"] += 1
        counts["events"] = sum(len(each.rows) for each in self.auditor.ledgers.values())
        counts["steps"] = self.loop.steps
        counts["virtual seconds"] = int(self.loop.now)
        return counts


def run_seed(seed: int, kinds: frozenset[str] | None = None) -> Outcome:
    """Lives through the world of that seed; ``kinds``: with these troubles instead of its own."""
    outcome = World(seed, kinds).run()
    # What is left of a world refers to itself. What it has to say while it goes, nobody hears.
    said, sys.unraisablehook = sys.unraisablehook, lambda _: None
    try:
        gc.collect()
    finally:
        sys.unraisablehook = said
    return outcome


@contextmanager
def little_garbage() -> Iterator[None]:
    """Many worlds, one after the other: only what they leave is looked through."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
