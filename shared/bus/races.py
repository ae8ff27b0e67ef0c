"""When an interpreter distrusts what it has kept: a batch that loses one race after another."""

from __future__ import annotations

from typing import Final
from uuid import UUID

LOST_BEFORE_READING: Final = 2
"""Races in a row that one batch may lose on what is kept of the streams."""


class Races:
    """Counts how often the same batch came."""

    def __init__(self) -> None:
        self._first: UUID | None = None
        self._lost = 0

    def is_behind(self, first: UUID) -> bool:
        """Whether to read anew what this batch, known by its first event, is decided on.

        What is kept has mostly heard by then of what won the race. To read long streams again each
        time takes so long that the next race would be lost for it.
        """
        self._lost = self._lost + 1 if first == self._first else 0
        self._first = first
        return self._lost % (LOST_BEFORE_READING + 1) == LOST_BEFORE_READING
