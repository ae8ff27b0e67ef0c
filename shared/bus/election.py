"""Which of several processes of a service does the exchange: two at once only do double work."""

from __future__ import annotations

from typing import Protocol


class Election(Protocol):
    """One seat, taken by the first who asks for it."""

    async def won(self) -> None:
        """Returns once this process has the seat."""

    async def lost(self) -> None:
        """Returns once this process has it no more."""

    async def resign(self) -> None:
        """Leaves the seat to another."""
