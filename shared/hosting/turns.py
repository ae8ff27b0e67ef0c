"""Taking turns by name: one at a time, in the order they came."""

from __future__ import annotations

import asyncio
from collections import deque


class Turns:
    """Many locks, of which only those exist that somebody holds; a free one is taken at once."""

    def __init__(self) -> None:
        self._held: dict[str, deque[asyncio.Future[None]]] = {}

    def __len__(self) -> int:
        """How many names are held."""
        return len(self._held)

    async def take(self, name: str) -> None:
        """Returns when it is the caller's turn; ``give_back`` ends it."""
        waiting = self._held.get(name)
        if waiting is None:
            self._held[name] = deque()
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it had come, and is not wanted any more
                self.give_back(name)
            raise

    def give_back(self, name: str) -> None:
        """Ends the turn; the next one is given to whoever has waited longest."""
        waiting = self._held[name]
        while waiting:
            turn = waiting.popleft()
            if not turn.done():  # else it was cancelled while it waited
                turn.set_result(None)
                return
        del self._held[name]
