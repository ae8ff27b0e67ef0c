"""Which faults, when, how long: all from a seed, so that a run can be had again."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

Kind = Literal[
    "kill ops",
    "kill eng",
    "kill nats",
    "kill postgres",
    "kill a backend",
    "freeze ops",
    "freeze eng",
    "freeze nats",
    "freeze postgres",
    "pg_ctl stop immediate",
    "wipe JetStream",
    "delete a stream",
    "corrupt a stream",
    "cut postgres",
    "cut nats",
    "refuse postgres",
    "refuse nats",
    "delay postgres",
    "delay nats",
    "hold postgres",
    "hold nats",
]
KINDS: Final[tuple[Kind, ...]] = Kind.__args__  # type: ignore[attr-defined]
GAP_SECONDS: Final = (1.0, 4.0)
"""From the end of a fault to the next: seldom enough for all to be well in between."""
LASTS_SECONDS: Final = (0.5, 4.0)
AT_ONCE: Final = ("kill", "pg_ctl", "wipe", "delete", "corrupt", "cut")
"""What kinds begin with that are done at once."""


class Fault(msgspec.Struct, frozen=True):
    """One fault: seconds since the end of the one before, and how long it lasts (0: at once).

    ``dice`` is for its details: which stream, which byte, which service.
    """

    kind: Kind
    after: float
    lasts: float
    dice: int

    def __str__(self) -> str:
        lasting = f" for {self.lasts:.1f} s" if self.lasts else ""
        return f"+{self.after:.1f} s {self.kind}{lasting}"


def schedule(seed: int, seconds: float, kinds: Sequence[Kind] = KINDS) -> list[Fault]:
    """Faults that take so long all in all. Every kind comes once before any comes twice."""
    dice = random.Random(seed)
    faults: list[Fault] = []
    waiting: list[Kind] = []
    spent = 0.0
    while spent < seconds:
        if not waiting:
            waiting = list(kinds)
            dice.shuffle(waiting)
        kind = waiting.pop()
        after = dice.uniform(*GAP_SECONDS)
        lasts = 0.0 if kind.startswith(AT_ONCE) else dice.uniform(*LASTS_SECONDS)
        faults.append(Fault(kind, round(after, 2), round(lasts, 2), dice.getrandbits(32)))
        spent += after + lasts
    return faults


def kinds_named(text: str) -> list[Kind]:
    """The kinds with this in their names; all if it is empty."""
    return [kind for kind in KINDS if text in kind]


def lines(faults: Sequence[Fault]) -> str:
    """The schedule as people read it."""
    return "\n".join(f"  {fault}" for fault in faults)
