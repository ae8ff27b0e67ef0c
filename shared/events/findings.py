"""Collecting all that is wrong with what came in, rather than the first of it."""

from __future__ import annotations

from typing import Final

from shared.events.decision import Invalid
from shared.events.intake import Fault, Malformed

ERRORS_MAX: Final = 20
"""How many errors are named; more say nothing more."""

_WORST_FIRST: Final = tuple(Fault)


class Findings:
    """What is wrong so far; false while nothing is."""

    def __init__(self) -> None:
        self._errors: list[Invalid] = []
        self._faults: set[Fault] = set()

    def __bool__(self) -> bool:
        return bool(self._faults)

    def add(self, field: str, detail: str, fault: Fault = Fault.INVALID) -> None:
        self._faults.add(fault)
        if len(self._errors) < ERRORS_MAX:
            self._errors.append(Invalid(field, detail))

    def malformed(self, system: str | None, event_id: str | None) -> Malformed:
        """The result: at least one thing was found."""
        return Malformed(
            fault=min(self._faults, key=_WORST_FIRST.index),
            errors=tuple(self._errors),
            system=system,
            id=event_id,
        )
