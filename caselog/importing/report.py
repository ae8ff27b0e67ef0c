"""What an import did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from caselog.importing.servicenow import Planned
from shared.bus.intake import INTERNAL_ERROR
from shared.events.intake import Fault, Receipt
from shared.hosting.intake import NOT_SEEN, PRESUMED_NOT_SEEN

EXAMPLES_MAX: Final = 10
FAILURES: Final = frozenset({*Fault, NOT_SEEN, PRESUMED_NOT_SEEN, INTERNAL_ERROR})
"""Rules of refusals that no rule of the domain explains: something is wrong, or was not there."""


@dataclass(slots=True)
class Report:
    """Events by outcome, rows by what became of them, and what reading back did not find.

    Attributes:
        incidents: Those played in this run.
        before: Those that an earlier run had finished.
        rows: Of the incidents played.
        failed: Events refused by something else than a rule of the domain.
        behind: Events that were not published, because one before them failed.
        proven: Incidents that ended Closed and are closed here.
    """

    incidents: int = 0
    before: int = 0
    rows: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    behind: int = 0
    examples: list[str] = field(default_factory=list)
    unclosed: list[str] = field(default_factory=list)
    proven: int = 0
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        """Whether all ended as it must; what a rule of the domain refused is told, and no fault."""
        return not self.unclosed and not self.failed

    def took(self, event: Planned, receipt: Receipt) -> None:
        self.outcomes[receipt.outcome] += 1
        self.events[f"{event.service} {event.type}"] += 1
        if receipt.outcome == "refused":
            self.failed += receipt.rule in FAILURES
            self.refusals[f"{event.service} {event.type}: {receipt.rule or receipt.reason}"] += 1
            if len(self.examples) < EXAMPLES_MAX:
                self.examples.append(f"{event.id} {event.type}: {receipt.reason}")
