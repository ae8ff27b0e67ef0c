"""Fills holes from the author's log, and asks it which log it is: it has the last word on both."""

from __future__ import annotations

import asyncio
import logging
from typing import Final
from uuid import UUID

from shared.bus.alarms import CANNOT_STORE, OTHER_LOG, Alarm, Stopped
from shared.bus.entries import Arrived, Author, NotAuthentic, read_entry
from shared.bus.patience import Patience
from shared.bus.peer_log import Page, PeerLog
from shared.bus.storing import CannotStore, Keeper

PAGE_MAX: Final = 500
"""Events asked of the author's log at a time."""
FIRST_ANSWER_S: Final = 5.0
"""How long the very first event waits for its author to say which log is its."""

Identity = tuple[UUID, int]
"""A log and its epoch."""

_logger = logging.getLogger(__name__)


class Healer:
    """The author's log as seen by its receiver."""

    def __init__(self, author: Author, peer: PeerLog, keeper: Keeper, patience: Patience) -> None:
        self._author = author
        self._peer = peer
        self._keeper = keeper
        self._patience = patience
        self._adopted: Identity | None = None
        self.healed = 0
        """Events stored that were asked of the author's log."""

    @property
    def identity(self) -> Identity | None:
        """The log whose events are taken; None before the author has said which."""
        held = self._keeper.held
        return self._adopted if held is None else (held.log, held.epoch)

    async def adopt(self, seen: Identity) -> Identity:
        """The log whose events are taken. Before there are any, the author says which is its.

        If it says nothing for ``FIRST_ANSWER_S``, the one that was seen is believed.
        """
        if self.identity is None:
            try:
                async with asyncio.timeout(FIRST_ANSWER_S):
                    head = (await self._patience(self._ask)).head
            except TimeoutError:
                _logger.warning("%s does not say which log is its", self._author.service)
                self._adopted = seen
            else:
                self._adopted = (head.log, head.epoch)
        assert self.identity is not None
        return self.identity

    async def check(self) -> None:
        """Asks the author which log is its now. Raises Stopped if another, and BusError."""
        self._check(await self._ask())

    async def heal(self, upto: int, *, patient: bool) -> bool:
        """Whether all up to ``upto`` are held now; if not, the author's log ends before.

        Raises Stopped; BusError if it is not to wait until the author answers.
        """
        while self._keeper.sequence < upto:
            page = await (self._patience(self._ask) if patient else self._ask())
            self._check(page)
            await self._take(page)
            if not page.entries and page.head.sequence <= self._keeper.sequence:
                return False
        return True

    async def _ask(self) -> Page:
        return await self._peer.published(self._keeper.sequence, PAGE_MAX)

    def _check(self, page: Page) -> None:
        theirs = (page.head.log, page.head.epoch)
        ours = self.identity
        if ours is None:
            self._adopted = theirs
        elif ours != theirs:
            text = f"events of log {ours[0]}, epoch {ours[1]}, are held; it has {theirs}"
            raise Stopped(Alarm(OTHER_LOG, text))

    async def _take(self, page: Page) -> None:
        arrived: list[Arrived] = []
        for number, entry in enumerate(page.entries, self._keeper.sequence + 1):
            try:
                each = read_entry(self._author, entry)
            except NotAuthentic as error:
                raise Stopped(Alarm(CANNOT_STORE, f"event {number}: {error}")) from error
            if each.sequence != number or (each.log, each.event.epoch) != self.identity:
                text = f"event {number} was asked for, and {each.sequence} of {each.log} came"
                raise Stopped(Alarm(CANNOT_STORE, text))
            arrived.append(each)
        try:
            await self._keeper.store(arrived)
        except CannotStore as error:
            raise Stopped(Alarm(CANNOT_STORE, str(error))) from error
        self.healed += len(arrived)
