"""Where lost own events stand among those of the other side: pure.

The order in which this log once had both is lost with it. What is known of it: an event says what
caused it; some say up to where the other had been ``heard``; and nothing was said in a stream that
the other began before that beginning was here. An own event stands behind what these name, and as
early as that allows. So no event comes before its cause, and facts that crossed on the way cross
again as they did.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from shared.bus.entries import Arrived
from shared.events.envelope import AnyRecorded

PENDING_MAX: Final = 20_000
"""Events of the other side that wait for an own one; past that the oldest is placed."""


class Interleaving:
    """Takes both sides' events in the order of the other's log; says what goes before what."""

    def __init__(self) -> None:
        self._pending: deque[Arrived] = deque()
        self._sequences: dict[str, int] = {}
        self._begun: dict[str, int] = {}

    def theirs(self, arrived: Arrived) -> list[Arrived]:
        """One of the other side's events; what must be placed now, because too many wait."""
        self._pending.append(arrived)
        event = arrived.event
        self._sequences[str(event.id)] = event.sequence
        self._begun.setdefault(event.subject, event.sequence)
        if len(self._pending) > PENDING_MAX:
            return self._upto(self._pending[0].sequence)
        return []

    def ours(self, recorded: AnyRecorded, *, begins: bool) -> list[Arrived]:
        """Those of the other side that go before this own event.

        ``begins``: this log has nothing of its stream yet.
        """
        behind = max(
            getattr(recorded.data, "heard", 0),
            self._sequences.get(recorded.causationid, 0),
            self._begun.get(recorded.subject, 0) if begins else 0,
        )
        return self._upto(behind)

    def _upto(self, sequence: int) -> list[Arrived]:
        placed: list[Arrived] = []
        while self._pending and self._pending[0].sequence <= sequence:
            arrived = self._pending.popleft()
            placed.append(arrived)
            del self._sequences[str(arrived.event.id)]
            if self._begun.get(arrived.event.subject) == arrived.sequence:
                del self._begun[arrived.event.subject]
        return placed
