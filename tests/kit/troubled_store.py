"""A log in memory whose connection gets lost at the worst moments."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import Enum, auto
from typing import Any
from uuid import UUID

from shared.eventlog.memory import MemoryStore
from shared.eventlog.model import LogUnavailable, Row
from shared.eventlog.port import Group, GroupRefused, OutcomeUnknown, StaleHead, Tip


class Trouble(Enum):
    """What becomes of a commit."""

    NONE = auto()
    LOST_BEFORE = auto()
    """The connection was lost, and the group never came."""
    LOST_AFTER = auto()
    """The group is stored; the answer was lost."""
    LOST_AND_LATE = auto()
    """The answer was lost, and the group comes when ``let_ghosts_go`` is called."""
    AWAY = auto()
    """No connection could be made."""


class TroubledStore(MemoryStore):
    """``trouble`` decides for each group; while ``away``, every read fails too.

    ``meanwhile`` is done once, while the next group is on its way.
    """

    def __init__(self, trouble: Callable[[Group], Trouble], **arguments: Any) -> None:
        super().__init__(**arguments)
        self.trouble = trouble
        self.away = False
        self.meanwhile: Callable[[], Awaitable[object]] | None = None
        self.ghosts: list[Group] = []
        self.groups: list[Group] = []

    async def commit(self, group: Group) -> None:
        self.groups.append(group)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        await asyncio.sleep(0)
        match self.trouble(group):
            case Trouble.NONE if not self.away:
                await super().commit(group)
            case Trouble.LOST_BEFORE:
                raise OutcomeUnknown
            case Trouble.LOST_AFTER:
                await super().commit(group)
                raise OutcomeUnknown
            case Trouble.LOST_AND_LATE:
                self.ghosts.append(group)
                raise OutcomeUnknown
            case _:
                raise LogUnavailable("away")

    async def let_ghosts_go(self) -> list[bool]:
        """What the server was still doing for lost connections; whether each was stored."""
        ghosts, self.ghosts = self.ghosts, []
        return [await self._is_stored(ghost) for ghost in ghosts]

    async def _is_stored(self, group: Group) -> bool:
        try:
            await super().commit(group)
        except (StaleHead, GroupRefused):
            return False
        return True

    async def tip(self) -> Tip:
        self._check()
        return await super().tip()

    async def find(self, ids: Sequence[UUID]) -> Mapping[UUID, Row]:
        self._check()
        return await super().find(ids)

    def _check(self) -> None:
        if self.away:
            raise LogUnavailable("away")
