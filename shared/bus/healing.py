"""Fills holes from the author's log, and asks it which log it is: it has the last word on both."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from shared.bus.alarms import CANNOT_STORE, OTHER_LOG, Alarm, Stopped
from shared.bus.entries import Arrived, Author, NotAuthentic, read_entry
from shared.bus.hello import hello
from shared.bus.patience import Patience
from shared.bus.peer_log import Page, Peer
from shared.bus.storing import CannotStore, Keeper
from shared.eventlog.log import EventLog
from shared.eventlog.model import Epoch
from shared.eventlog.port import FIRST_EPOCH

PAGE_MAX: Final = 500
"""Events asked of the author's log at a time."""
FIRST_ANSWER_S: Final = 5.0
"""How long the very first event waits for its author to say which log is its."""

Identity = tuple[UUID, int]
"""A log and its epoch."""

_logger = logging.getLogger(__name__)


class Healer:
    """The author's log as seen by its receiver.

    An author whose log was restored goes on in another epoch. It is believed only when it says so
    itself, in a hello, and what is held here is what it has under that number.
    """

    def __init__(
        self, log: EventLog, author: Author, peer: Peer, keeper: Keeper, patience: Patience
    ) -> None:
        self._log = log
        self._author = author
        self._peer = peer
        self._keeper = keeper
        self._patience = patience
        self._adopted: UUID | None = None
        self._epochs: Sequence[Epoch] = ()
        self.healed = 0
        """Events stored that were asked of the author's log."""

    @property
    def identity(self) -> Identity | None:
        """The log whose events are taken, and its last epoch as far as it is known here.

        None before the author has said which.
        """
        held = self._keeper.held
        if self._epochs and (held is None or held.epoch <= self._epochs[-1].epoch):
            log = self._adopted if held is None else held.log
            return None if log is None else (log, self._epochs[-1].epoch)
        return None if held is None else (held.log, held.epoch)

    def epoch_of(self, sequence: int) -> int:
        """The epoch that an event behind what is held must be of."""
        held = self._keeper.held
        least = FIRST_EPOCH.epoch if held is None else held.epoch
        of = [each.epoch for each in self._epochs if each.after < sequence]
        return max(of[-1], least) if of else least

    def fits(self, arrived: Arrived) -> bool:
        """Whether it is of the log that is known, and of the epoch that it must be of.

        Of what is held already only the bytes tell; any epoch that was known fits.
        """
        identity = self.identity
        if identity is None or arrived.log != identity[0]:
            return False
        if arrived.sequence <= self._keeper.sequence:
            return arrived.event.epoch <= identity[1]
        return arrived.event.epoch == self.epoch_of(arrived.sequence)

    async def adopt(self, seen: Identity) -> Identity:
        """The log whose events are taken. Before there are any, the author says which is its.

        If it says nothing for ``FIRST_ANSWER_S``, the one that was seen is believed.
        """
        if self.identity is None:
            try:
                async with asyncio.timeout(FIRST_ANSWER_S):
                    page = await self._patience(self._ask)
                    await self._patience(lambda: self._check(page))
            except TimeoutError:
                _logger.warning("%s does not say which log is its", self._author.service)
                self._adopted, self._epochs = seen[0], (Epoch(seen[1], 0),)
        assert self.identity is not None
        return self.identity

    async def check(self) -> None:
        """Asks the author which log is its now. Raises Stopped if another, and BusError."""
        await self._check(await self._ask(), anew=True)

    async def heal(self, upto: int, *, patient: bool) -> bool:
        """Whether all up to ``upto`` are held now; if not, the author's log ends before.

        Raises Stopped; BusError if it is not to wait until the author answers.
        """
        while self._keeper.sequence < upto:
            page = await (self._patience(self._ask) if patient else self._ask())
            await self._check(page)
            await self._take(page)
            if not page.entries and page.head.sequence <= self._keeper.sequence:
                return False
        return True

    async def _ask(self) -> Page:
        return await self._peer.published(self._keeper.sequence, PAGE_MAX)

    async def _check(self, page: Page, *, anew: bool = False) -> None:
        """Takes note of the author's log. Raises Stopped if it is another one; BusError."""
        log, epoch = page.head.log, page.head.epoch
        ours = self.identity
        if ours is not None and ours[0] != log:
            raise _other(f"events of log {ours[0]}, epoch {ours[1]}, are held; it has {log}")
        if ours is None and epoch == FIRST_EPOCH.epoch:
            self._adopted, self._epochs = log, (FIRST_EPOCH,)
        elif ours is None or epoch > ours[1]:
            await self._shake_hands()
        elif anew and epoch < ours[1]:
            raise _other(f"events of its epoch {ours[1]} are held; it is in epoch {epoch}")

    async def _shake_hands(self) -> None:
        """Believes the author's new epoch, if what is held here is what it has."""
        asked = await hello(self._log, self._author.source)
        reply = await self._peer.hello(asked)
        epochs = tuple(Epoch(*each) for each in reply.epochs)
        holds = asked.holds
        if holds is not None:
            same = reply.at_your_holding
            if reply.head.log != holds.log or same is None or same.leaf != holds.leaf:
                raise _other(
                    f"event {holds.sequence} of epoch {holds.epoch} is held; in its epoch "
                    f"{reply.head.epoch} it does not have it"
                )
        self._adopted, self._epochs = reply.head.log, epochs
        _logger.warning(
            "%s is in epoch %d: its log was restored", self._author.service, reply.head.epoch
        )

    async def _take(self, page: Page) -> None:
        arrived: list[Arrived] = []
        for number, entry in enumerate(page.entries, self._keeper.sequence + 1):
            try:
                each = read_entry(self._author, entry)
            except NotAuthentic as error:
                raise Stopped(Alarm(CANNOT_STORE, f"event {number}: {error}")) from error
            if each.sequence != number or not self.fits(each):
                text = f"event {number} was asked for, and {each.sequence} of {each.log} came"
                raise Stopped(Alarm(CANNOT_STORE, text))
            arrived.append(each)
        try:
            await self._keeper.store(arrived)
        except CannotStore as error:
            raise Stopped(Alarm(CANNOT_STORE, str(error))) from error
        self.healed += len(arrived)


def _other(text: str) -> Stopped:
    return Stopped(Alarm(OTHER_LOG, text))
