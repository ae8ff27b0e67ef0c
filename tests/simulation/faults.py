"""What goes wrong at some moments, as the seed has it, and how it is put right again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol

from shared.eventlog.memory import MemoryBackup
from shared.events import subjects
from shared.events.intake import Service
from tests.simulation.auditor import Auditor
from tests.simulation.broker import SERVICES, SimBroker
from tests.simulation.database import Database
from tests.simulation.loop import SimLoop
from tests.simulation.services import Running, Seat
from tests.simulation.trace import Trace
from tests.simulation.weather import EVENTS, SWITCHED_OFF, WallClock, Weather

STEPS_TO_DEATH_MAX: Final = 150
"""Steps of a process, after which it is killed: at any of its awaits."""


class World(Protocol):
    """What faults reach into."""

    auditor: Auditor
    loop: SimLoop
    weather: Weather
    trace: Trace
    broker: SimBroker
    databases: Mapping[Service, Database]
    seats: Mapping[Service, Seat]
    clocks: Mapping[Service, WallClock]

    def alive(self, service: Service) -> list[Running]: ...

    def start(self, service: Service) -> None: ...


class Faults:
    """``run`` strikes now and then until ``over``, and puts right what it broke."""

    def __init__(self, seed: int, world: World) -> None:
        self._world = world
        self._dice = random.Random(f"faults {seed}")
        self._pause = self._dice.choice((0.3, 1.0, 2.0))
        every = (*EVENTS, *SWITCHED_OFF)
        self._kinds = [kind for kind in every if kind in world.weather.kinds]
        self._backups: dict[Service, tuple[MemoryBackup, dict[str, Any]]] = {}
        self._mending: set[asyncio.Task[None]] = set()
        self._strikes: Mapping[str, Callable[[Service], Awaitable[None]]] = {
            "purge": self._purge,
            "wipe": self._wipe,
            "stream re-created": self._recreate,
            "broker restart": self._restart_broker,
            "crash and restart": self._crash,
            "restart in good order": self._stop,
            "database restart": self._restart_database,
            "two relays": self._share_seat,
            "clock jump": self._jump,
            "frozen process": self._freeze,
            "slow consumer": self._slow,
            "database restored": self._restore,
        }

    async def run(self, over: asyncio.Event) -> None:
        dice = self._dice
        while self._kinds and not over.is_set():
            try:
                async with asyncio.timeout(dice.random() * 2 * self._pause):
                    await over.wait()
            except TimeoutError:
                kind, service = dice.choice(self._kinds), dice.choice(SERVICES)
                self._world.weather.counts[kind] += 1
                self._world.trace("fault", f"{kind} {service}")
                task = asyncio.create_task(self._strike(kind, service))
                self._mending.add(task)
                task.add_done_callback(self._mending.discard)
        while self._mending:
            await asyncio.wait(set(self._mending))

    async def _strike(self, kind: str, service: Service) -> None:
        await self._strikes[kind](service)

    async def _purge(self, service: Service) -> None:
        """All messages are gone; the ids are remembered, and are duplicates from then on."""
        self._world.broker.lose(subjects.EVENT_STREAMS[service])

    async def _wipe(self, service: Service) -> None:
        broker = self._world.broker
        for stream in subjects.STREAM_SUBJECTS:
            broker.delete(stream)

    async def _recreate(self, service: Service) -> None:
        stream = subjects.EVENT_STREAMS[service]
        self._world.broker.delete(stream)
        await asyncio.sleep(self._dice.random())
        self._world.broker.ensure(stream)

    async def _restart_broker(self, service: Service) -> None:
        self._world.broker.is_up = False
        await asyncio.sleep(self._dice.random() * 3)
        self._world.broker.is_up = True

    async def _crash(self, service: Service) -> None:
        alive = self._world.alive(service)
        if alive:
            doomed = self._dice.choice(alive).process
            doomed.dies_after = self._dice.randrange(STEPS_TO_DEATH_MAX)

    async def _stop(self, service: Service) -> None:
        ready = [each for each in self._world.alive(service) if each.is_ready]
        if ready:
            leaving = self._dice.choice(ready)
            leaving.is_ready = False
            stopping = self._world.loop.start(leaving.process, leaving.stop())
            await asyncio.wait({stopping}, timeout=20)
            leaving.process.kill()

    async def _restart_database(self, service: Service) -> None:
        self._world.databases[service].is_up = False
        await asyncio.sleep(self._dice.choice((0.05, 1.0, 7.0)) * self._dice.random())
        self._world.databases[service].is_up = True

    async def _restore(self, service: Service) -> None:
        """Every other time a backup is made; else the last one takes the place of the database."""
        database = self._world.databases[service]
        backup = self._backups.pop(service, None)
        if backup is None:
            self._backups[service] = (database.backup(), database.rows_read)
            return
        for each in self._world.alive(service):
            each.process.kill()
        log, database.rows_read = backup
        database.restore(log)
        self._world.auditor.restored(service, database.rows)

    async def _share_seat(self, service: Service) -> None:
        """A second process is started, and each believes that the exchange is its own."""
        if len(self._world.alive(service)) < 2:
            self._world.start(service)
        self._world.seats[service].share(True)
        await asyncio.sleep(self._dice.random() * 4)
        self._world.seats[service].share(False)

    async def _jump(self, service: Service) -> None:
        jump = self._dice.choice((-3600.0, -5.0, -0.1, 0.0, 0.1, 60.0, 7200.0))
        self._world.clocks[service].off = jump

    async def _freeze(self, service: Service) -> None:
        alive = self._world.alive(service)
        if alive:
            seconds = self._dice.random() * 5
            self._world.loop.freeze(self._dice.choice(alive).process, seconds)
            await asyncio.sleep(seconds)

    async def _slow(self, service: Service) -> None:
        for each in self._world.alive(service):
            each.process.slow_until = self._world.loop.time() + self._dice.random() * 3
