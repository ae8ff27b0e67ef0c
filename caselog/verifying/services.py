"""The two services as ``caselog verify`` knows them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from caselog.endpoints import Service
from caselog.verifying.eng_replay import EngReplay
from caselog.verifying.ops_replay import OpsReplay
from shared.eventlog.model import LogHead, Row
from shared.events import eng, ops


class Replay(Protocol):
    """A log folded as its service folds it, to compare with what the service states and shows."""

    checked: list[str]

    def rows(self, rows: Iterable[Row]) -> Iterator[str]: ...

    def compare(self, dsn: str, head: LogHead) -> AsyncIterator[str]: ...


@dataclass(frozen=True, slots=True)
class Verified:
    """One service: the source of its own events, and how its log is replayed."""

    service: Service
    source: str
    replay: Callable[[], Replay]


VERIFIED: Final[Mapping[Service, Verified]] = {
    "ops": Verified("ops", ops.SOURCE, OpsReplay),
    "eng": Verified("eng", eng.SOURCE, EngReplay),
}
