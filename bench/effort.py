"""How much is done for a figure: enough to trust it, or just enough to see that it is measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True, slots=True)
class Effort:
    """What a bench spends.

    Attributes:
        runs: How often everything is measured, the floor beside it each time.
        seconds: How long one run of one contestant takes.
        slices: In how many turns, taken with the others of the run.
        part: How much of the data is loaded that a bench begins with; 1 is all of it.
        durable: Whether the servers sync, as they must where it counts.
    """

    runs: int
    seconds: float
    slices: int
    part: float
    durable: bool = True

    def of(self, amount: int) -> int:
        """This part of an amount of data; never nothing."""
        return max(1, round(amount * self.part))

    def warming(self) -> Effort:
        """As little as warms everything up."""
        return replace(self, runs=1, slices=1, seconds=min(self.seconds, 0.5))


FULL: Final = Effort(runs=3, seconds=2.0, slices=4, part=1.0)
QUICK: Final = Effort(runs=1, seconds=0.1, slices=1, part=0.03, durable=False)
