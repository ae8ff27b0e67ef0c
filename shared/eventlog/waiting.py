"""The requests that wait for a place in a group, in the order they came."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

from shared.eventlog.asks import Ask
from shared.eventlog.groups import Admission, Batch, Known
from shared.eventlog.model import Append, Appended, LogFull, VersionConflict
from shared.eventlog.verdicts import given_up

HELD_EVENTS_MAX: Final = 10_000
"""Events of all requests that wait or are on their way; past that, ``LogFull``."""

Suspect = tuple[Ask, VersionConflict]
"""A request that certainly cannot be stored, and the least that speaks against it."""


class Waiting:
    """Keeps each request until its caller has an answer.

    Args:
        patience: seconds of trouble after which a request is given up.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._asks: deque[Ask] = deque()
        self._held = 0

    def __len__(self) -> int:
        """How many wait; those on their way do not count."""
        return len(self._asks)

    def add(self, request: Append) -> asyncio.Future[Appended]:
        """Raises LogFull, or ValueError for a request that no log could take."""
        held = self._held + len(request.events)
        if held > HELD_EVENTS_MAX and self._held:
            raise LogFull(f"{self._held} events wait")
        done: asyncio.Future[Appended] = self._loop.create_future()
        self._asks.append(Ask(request, done))
        self._held = held
        return done

    def put_back(self, asks: Sequence[Ask]) -> None:
        """They came first, so they go first."""
        self._asks.extendleft(reversed(asks))

    def fill(self, batch: Batch, known: Known) -> list[Suspect]:
        """Moves what fits into the batch; suspects leave the queue too, to be judged."""
        later: list[Ask] = []
        suspects: list[Suspect] = []
        asks, admit = self._asks, batch.admit
        while asks:
            ask = asks[0]
            try:
                admission = admit(ask)
            except Exception as error:  # noqa: BLE001 - an entry that cannot be made is its caller's
                asks.popleft()
                self.refuse(ask, given_up(ask, str(error)) if ask.ghosts else error)
                continue
            if admission is Admission.FULL:
                break
            asks.popleft()
            if admission is Admission.TAKEN:
                continue
            if admission is Admission.SUSPECT and not ask.ghosts:
                suspects.append((ask, VersionConflict(known.beyond(ask.request.expected))))
            else:
                later.append(ask)
        self.put_back(later)
        return suspects

    def haunted(self) -> list[Ask]:
        """Those who may be stored already, or still will be."""
        return [ask for ask in self._asks if ask.ghosts]

    def answer(self, answers: Iterable[tuple[Ask, Appended]]) -> None:
        for ask, appended in answers:
            self._held -= len(appended.rows)
            if not ask.done.done():  # the caller may be gone
                ask.done.set_result(appended)

    def refuse(self, ask: Ask, error: BaseException) -> None:
        self._held -= len(ask.request.events)
        ask.fail(error)

    def remove(self, asks: Sequence[Ask]) -> None:
        """They leave the queue; their answer is still to come."""
        gone = set(asks)
        self._asks = deque(ask for ask in self._asks if ask not in gone)

    def give_up_the_old(self) -> None:
        """Answers those whose patience is at its end; that of the others begins, if it had not."""
        now = self._loop.time()
        old: list[Ask] = []
        for ask in self._asks:
            if ask.deadline is None:  # its first trouble
                ask.deadline = now + self._patience
            elif now >= ask.deadline:
                old.append(ask)
        self.remove(old)
        for ask in old:
            self.refuse(ask, given_up(ask, f"not taken within {self._patience} s"))

    def give_up_all(self, why: str) -> None:
        while self._asks:
            ask = self._asks.popleft()
            self.refuse(ask, given_up(ask, why))
