"""What a verification found, kept small however much there is."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from dataclasses import dataclass, field
from typing import Final

DIFFERENCES_MAX: Final = 20
"""How many differences are kept and printed; the rest are only counted."""


@dataclass(slots=True)
class Findings:
    """What was checked, and what does not hold: the first differences, and how many there are."""

    checked: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    count: int = 0

    def differ(self, where: str, found: Iterable[str]) -> None:
        for difference in found:
            self._add(where, difference)

    async def differ_in(self, where: str, found: AsyncIterable[str]) -> None:
        async for difference in found:
            self._add(where, difference)

    @property
    def more(self) -> int:
        """How many differences are not kept."""
        return self.count - len(self.differences)

    def _add(self, where: str, difference: str) -> None:
        self.count += 1
        if len(self.differences) < DIFFERENCES_MAX:
            self.differences.append(f"{where}: {difference}")
