"""Looking up unique keys of one scope, the recent ones kept: a key never changes its value."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from shared.eventlog.port import LogStore

KEPT_MAX: Final = 50_000


class TakenKeys:
    """Only for scopes that are never forgotten."""

    def __init__(self, store: LogStore, scope: str) -> None:
        self._store = store
        self._scope = scope
        self._kept: OrderedDict[str, str] = OrderedDict()

    async def find(self, key: str) -> str | None:
        """What the key stands for; None if it is free. Raises LogUnavailable."""
        kept = self._kept.get(key)
        if kept is not None:
            return kept
        value = (await self._store.taken(self._scope, (key,))).get(key)
        if value is not None:
            self._kept[key] = value
            if len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)
        return value
