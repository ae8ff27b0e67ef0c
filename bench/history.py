"""Reading one case of fifty events among a million, warm, one client: its state, and its history.

The floor is one prepared statement for type and bytes of its entries, msgspec's decoder of the
body, and a fold that counts. The million is appended through the log itself, 5,000 events a time.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import product
from statistics import quantiles
from typing import Any, Final

import asyncpg
import msgspec

from bench.cases import fill, ops_log
from bench.effort import Effort
from bench.ground import Ground, running
from bench.report import Report
from services.ops_issues.domain.events import KNOWN
from services.ops_issues.domain.fold import evolve
from services.ops_issues.domain.ops_issue import UNOPENED, State
from services.ops_issues.projections.represent import history
from shared.eventlog.log import EventLog
from shared.eventlog.states import States
from shared.hosting.answers import encode

ISSUES: Final = 20_000
EVENTS_EACH: Final = 50
SAMPLE: Final = 200
"""Cases that are read in turn; each lies on fifty pages of its own."""
SELECT: Final = "SELECT type, entry FROM log.event WHERE stream = $1 ORDER BY version"

Read = Callable[[str], Awaitable[object]]


class BareReader:
    """The floor."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._decoders: dict[str, Callable[[bytes], Any]] = {
            body.TYPE: msgspec.json.Decoder(msgspec.defstruct("Entry", [("data", body)])).decode
            for body in KNOWN
        }

    async def start(self) -> None:
        self._connection = await asyncpg.connect(self._dsn)
        self._statement = await self._connection.prepare(SELECT)

    async def stop(self) -> None:
        await self._connection.close()

    async def __call__(self, stream: str) -> int:
        """How many different kinds of events there are."""
        kinds: dict[type[Any], int] = {}
        for event_type, entry in await self._statement.fetch(stream):
            kind = type(self._decoders[event_type](entry).data)
            kinds[kind] = kinds.get(kind, 0) + 1
        return len(kinds)


def readers(log: EventLog) -> dict[str, Read]:
    """What the service does when somebody asks for an issue that is not kept, or its history."""
    states: States[State] = States(log, UNOPENED, evolve)

    async def state(stream: str) -> object:
        return await states.as_of(stream, log.head.position)

    async def whole(stream: str) -> object:
        rows = await log.store.read_streams((stream,))
        return encode(list(history(rows, log.codec)))

    return {"state": state, "history": whole}


async def measure(report: Report, ground: Ground, effort: Effort) -> None:
    """Milliseconds to read one case, one after the other."""
    log, bare = ops_log(ground.dsn("ops")), BareReader(ground.dsn("ops"))
    async with running(log, bare):
        keys = await fill(log, effort.of(ISSUES), EVENTS_EACH)
        await ground.settle("ops")
        sample = keys[:: max(1, len(keys) // SAMPLE)]
        times = await _read({"floor": bare, **readers(log)}, sample, effort.runs)
    floor = times.pop("floor")
    what = f"one case of {EVENTS_EACH} events in {len(keys) * EVENTS_EACH:,}"
    for name, percent in product(times, (50, 99)):
        report.add(
            f"{what}: {name}, p{percent}",
            "ms",
            _percentiles(times[name], percent),
            floor_name="prepared SELECT, decoder, counting",
            floor=_percentiles(floor, percent),
            more_is_better=False,
        )


async def _read(
    reads: dict[str, Read], keys: Sequence[str], turns: int
) -> dict[str, list[list[float]]]:
    """How long each reading took, turn by turn; the first turn warms up."""
    times: dict[str, list[list[float]]] = {name: [] for name in reads}
    for _ in range(1 + turns):
        for name, read in reads.items():
            times[name].append([await _timed(read, key) for key in keys])
    return times


async def _timed(read: Read, key: str) -> float:
    started = time.perf_counter()
    await read(key)
    return (time.perf_counter() - started) * 1000


def _percentiles(turns: list[list[float]], percent: int) -> list[float]:
    """Of every run; the first turn only warms up."""
    return [quantiles(turn, n=100, method="inclusive")[percent - 1] for turn in turns[1:]]
