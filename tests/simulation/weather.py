"""Chance, time and trouble, all from one seed.

Each seed has its own few kinds of trouble (some of them at once, none too often), so that each kind
is met alone, in pairs, and in crowds. ``counts`` says how often each struck.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from shared.events.intake import Service

BEGINNING: Final = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)

MESSAGE_FAULTS: Final[Mapping[str, float]] = {
    "drop": 0.15,
    "duplicate": 0.2,
    "reorder": 0.2,
    "delay": 0.2,
    "lost ack": 0.15,
    "late ack": 0.15,
    "ack then loss": 0.12,
    "part published": 0.15,
    "late publish": 0.12,
    "corrupt": 0.1,
}
"""What can happen to any message, and at most how often."""
COMMIT_FAULTS: Final[Mapping[str, float]] = {
    "commit applied, outcome unknown": 0.15,
    "commit applied later, outcome unknown": 0.15,
    "commit never applied, outcome unknown": 0.15,
    "slow commit": 0.15,
}
"""What can happen to any commit, and at most how often."""
EVENTS: Final = (
    "purge",
    "wipe",
    "stream re-created",
    "broker restart",
    "crash and restart",
    "restart in good order",
    "database restart",
    "two relays",
    "clock jump",
    "frozen process",
    "slow consumer",
)
"""What happens at some moments."""
SWITCHED_OFF: Final = ("database restored",)
"""What can be made to happen, and is drawn by no seed."""
POISON: Final = "poison event"
"""An event on which the interpreter fails, whenever it is tried."""
KNOB: Final = "full queue"
"""Limits so small that every queue is full now and then; for a whole world."""


class Weather:
    """What the seed has in store. ``calm`` ends all trouble; time and ids go on."""

    def __init__(self, seed: int, kinds: frozenset[str] | None = None) -> None:
        self.dice = random.Random(f"weather {seed}")
        self.ids = random.Random(f"ids {seed}")
        self.counts: Counter[str] = Counter()
        self.is_calm = False
        every = (*MESSAGE_FAULTS, *COMMIT_FAULTS, *EVENTS, POISON, KNOB)
        share = self.dice.choice((0.0, 0.15, 0.3, 0.3, 0.6))
        drawn = [kind for kind in every if self.dice.random() < share]
        self.kinds = frozenset(drawn) if kinds is None else kinds
        self._rates = {
            kind: most * self.dice.random()
            for kind, most in {**MESSAGE_FAULTS, **COMMIT_FAULTS}.items()
            if kind in self.kinds
        }
        self._latency = self.dice.choice((0.0, 0.001, 0.005))

    def strikes(self, kind: str) -> bool:
        """Whether this trouble happens here and now; if so it counts."""
        rate = self._rates.get(kind)
        if rate is None or self.is_calm or self.dice.random() >= rate:
            return False
        self.counts[kind] += 1
        return True

    def latency(self) -> float:
        """Seconds that anything takes on its way."""
        return self._latency * self.dice.random()

    def calm(self) -> None:
        self.is_calm = True


class Around:
    """Time, ids and chance of one process (``shared.hosting.assembly.Surroundings``)."""

    def __init__(self, weather: Weather, now: Callable[[], float], clock: WallClock) -> None:
        self._weather = weather
        self._now = now
        self.clock = clock

    def new_id(self) -> UUID:
        """A UUIDv7 of the time and the seed."""
        return uuid7(self._now(), self._weather.ids)

    def chance(self) -> float:
        return self._weather.dice.random()

    def token(self) -> str:
        return f"{self._weather.ids.getrandbits(32):08x}"


class WallClock:
    """A service's clock: the world's time, off by what it jumped."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.off = 0.0

    def __call__(self) -> datetime:
        return BEGINNING + timedelta(seconds=self._now() + self.off)


def uuid7(seconds: float, ids: random.Random) -> UUID:
    """A UUIDv7 for that many seconds after the beginning."""
    milliseconds = int((BEGINNING.timestamp() + seconds) * 1000)
    return UUID(
        int=milliseconds << 80 | 7 << 76 | ids.getrandbits(12) << 64 | 2 << 62 | ids.getrandbits(62)
    )


OTHER: Final[Mapping[Service, Service]] = {"ops": "eng", "eng": "ops"}
