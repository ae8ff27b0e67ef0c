"""Appending one event at a time, by 1, 16, 64 and 256 callers at once, against the bare loop.

A caller makes its event, asks for it to be stored at the version its stream has, and waits. The
floor's callers do the same with text of the same size that was made beforehand.
"""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import ClassVar, Final

from bench.effort import Effort
from bench.floors.append import BareAppender
from bench.ground import Ground, running
from bench.racing import Act, Caller, race
from bench.report import Report
from shared.eventlog.groups import GROUP_EVENTS_MAX
from shared.eventlog.log import EventLog
from shared.eventlog.model import Append
from shared.eventlog.postgres import PostgresStore
from shared.events.codec import Codec
from shared.events.envelope import Draft, Published
from shared.hosting.clock import utc_now
from shared.hosting.ids import new_id

CALLERS: Final = (1, 16, 64, 256)
STREAM_EVENTS: Final = 50
SOURCE: Final = "/bench/log"
OCCURRED: Final = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)

Step = Callable[[str, int], Awaitable[object]]
"""Appends one event to a stream, at the version that it has."""


class Said(Published, frozen=True, kw_only=True, omit_defaults=True):
    """Ninety characters, so that an entry is about as large as those of the incident log."""

    TYPE: ClassVar[str] = "bench.log.said.v1"
    text: str


TEXT: Final = (
    "The customer cannot sign in since the update of last night; the log is attached below."
)


async def measure(report: Report, ground: Ground, effort: Effort) -> None:
    """Appends through ``EventLog`` and through both floors; events/s."""
    store = PostgresStore(ground.dsn("ops"), source=SOURCE)
    log = EventLog(store, source=SOURCE, codec=Codec([Said]), clock=utc_now)
    floors = bare_appenders(ground.bare_dsn("ops"))

    async def through_log(stream: str, version: int) -> object:
        return await log.append(Append((_draft(stream),), {stream: version}))

    async with running(log, *floors.values()):
        first = await log.append(Append((_draft("first"),), {"first": 0}))
        entry = first.rows[0].entry.decode()
        names = itertools.count()
        contestants = {"log": _caller(through_log, names)}
        contestants |= {name: bare_caller(f, entry, names) for name, f in floors.items()}
        await compare(report, "append", "events/s", contestants, effort)


async def compare(
    report: Report, name: str, unit: str, contestants: Mapping[str, Caller], effort: Effort
) -> None:
    """The first contestant against all others, which are floors, at each number of callers."""
    measured, *floors = contestants
    await race(contestants, 64, effort.warming())
    for callers in CALLERS:
        rates = await race(contestants, callers, effort)
        for floor in floors:
            figure = f"{name}, {callers} in flight"
            report.add(figure, unit, rates[measured], floor_name=floor, floor=rates[floor])


def bare_appenders(dsn: str) -> dict[str, BareAppender]:
    """The floors of appending, by name, not started."""
    return {
        "bare loop, 2 in flight": BareAppender(dsn, in_flight=2, group_max=GROUP_EVENTS_MAX),
        "bare loop, 1 in flight": BareAppender(dsn, in_flight=1, group_max=GROUP_EVENTS_MAX * 2),
    }


def bare_caller(floor: BareAppender, entry: str, names: itertools.count[int]) -> Caller:
    """Appends this text again and again, to streams of its own."""
    return _caller(lambda s, version: floor.append((s, version + 1, Said.TYPE, entry)), names)


def _caller(step: Step, names: itertools.count[int]) -> Caller:
    """Fills one new stream after the other."""

    def caller() -> Act:
        stream, version = "", STREAM_EVENTS

        async def act() -> None:
            nonlocal stream, version
            if version == STREAM_EVENTS:
                stream, version = f"S-{next(names)}", 0
            await step(stream, version)
            version += 1

        return act

    return caller


def _draft(stream: str) -> Draft:
    return Draft(
        id=new_id(),
        subject=stream,
        time=OCCURRED,
        correlationid="01932b6f-8a00-7abc-8def-0123456789ab",
        causationid="01932b6f-8a00-7abc-8def-0123456789ab",
        actor="person:ada",
        data=Said(text=TEXT),
    )
