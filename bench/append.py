"""Appending one event at a time, by 1, 16, 64 and 256 callers at once, against the bare loop.

A caller makes its event, asks for it to be stored at the version its stream has, and waits. The
floor's callers do the same with text of the same size that was made beforehand.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar, Final

import asyncpg

from bench.floors.append import BareAppender
from bench.report import Report, print_machine
from caselog.embedded.databases import Login, ensure_database, ensure_roles
from caselog.embedded.postgres import SUPERUSER, EmbeddedPostgres
from caselog.embedded.postgres_settings import PostgresOptions
from shared.eventlog.groups import GROUP_EVENTS_MAX
from shared.eventlog.log import EventLog
from shared.eventlog.migrate import migrate
from shared.eventlog.model import Append
from shared.eventlog.postgres import PostgresStore
from shared.events.codec import Codec
from shared.events.envelope import Draft, Published
from shared.hosting.clock import utc_now
from shared.hosting.ids import new_id

CALLERS: Final = (1, 16, 64, 256)
RUNS: Final = 3
SECONDS: Final = 1.5
STREAM_EVENTS: Final = 50
SOURCE: Final = "/bench/log"
OCCURRED: Final = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)

Step = Callable[[str, int], Awaitable[object]]


class Said(Published, frozen=True, kw_only=True, omit_defaults=True):
    """Ninety characters, so that an entry is about as large as those of the incident log."""

    TYPE: ClassVar[str] = "bench.log.said.v1"
    text: str


TEXT: Final = (
    "The customer cannot sign in since the update of last night; the log is attached below."
)


def draft(stream: str) -> Draft:
    return Draft(
        id=new_id(),
        subject=stream,
        time=OCCURRED,
        correlationid="01932b6f-8a00-7abc-8def-0123456789ab",
        causationid="01932b6f-8a00-7abc-8def-0123456789ab",
        actor="person:ada",
        data=Said(text=TEXT),
    )


async def rate(callers: int, step: Step, names: itertools.count[int]) -> float:
    """Steps per second by so many callers, each on streams of its own."""
    deadline = time.perf_counter() + SECONDS

    async def call() -> int:
        steps = 0
        while time.perf_counter() < deadline:
            stream = f"S-{next(names)}"
            for version in range(STREAM_EVENTS):
                await step(stream, version)
            steps += STREAM_EVENTS
        return steps

    started = time.perf_counter()
    steps = sum(await asyncio.gather(*[call() for _ in range(callers)]))
    return steps / (time.perf_counter() - started)


async def measure(report: Report, dsn: str) -> None:
    """Appends through ``EventLog`` and through both floors, interleaved; events/s."""
    names = itertools.count()
    log = EventLog(
        PostgresStore(dsn, source=SOURCE), source=SOURCE, codec=Codec([Said]), clock=utc_now
    )
    one = BareAppender(dsn, in_flight=1, group_max=GROUP_EVENTS_MAX * 2)
    await log.start()
    await one.start()
    entry = (await log.append(Append((draft("first"),), {"first": 0}))).rows[0].entry.decode()

    async def through_log(stream: str, version: int) -> object:
        return await log.append(Append((draft(stream),), {stream: version}))

    def through(floor: BareAppender) -> Step:
        return lambda stream, version: floor.append((stream, version + 1, Said.TYPE, entry))

    two = BareAppender(dsn, in_flight=2, group_max=GROUP_EVENTS_MAX)
    await two.start()
    steps = {"log": through_log, "one": through(one), "two": through(two)}
    for step in steps.values():
        await rate(64, step, names)  # warm
    for callers in CALLERS:
        runs: dict[str, list[float]] = {name: [] for name in steps}
        for _ in range(RUNS):
            for name, step in steps.items():
                runs[name].append(await rate(callers, step, names))
        for name, floor_name in (
            ("two", "bare loop, 2 in flight"),
            ("one", "bare loop, 1 in flight"),
        ):
            report.add(
                f"append, {callers} in flight",
                "events/s",
                runs["log"],
                floor_name=floor_name,
                floor=runs[name],
            )
    for appender in (one, two):
        await appender.stop()
    await log.stop()


async def main(report: Report) -> None:
    """Brings up a PostgreSQL server that syncs, and measures on it."""
    with TemporaryDirectory() as directory:
        server = EmbeddedPostgres(
            Path(directory) / "postgres", PostgresOptions(shared_buffers="512MB")
        )
        await server.start()
        try:
            dsn = await _database(server)
            print_machine(postgresql=await _version(dsn))
            await measure(report, dsn)
        finally:
            await server.stop()


async def _database(server: EmbeddedPostgres) -> str:
    admin = await asyncpg.connect(server.dsn())
    login = Login("bench", "bench")
    try:
        await ensure_roles(admin, owner=login, app=login)
        await ensure_database(admin, "bench", owner=SUPERUSER, app=login.role)
    finally:
        await admin.close()
    dsn = server.dsn("bench")
    await asyncio.to_thread(migrate, dsn)
    return dsn


async def _version(dsn: str) -> str:
    connection = await asyncpg.connect(dsn)
    try:
        return str(await connection.fetchval("SHOW server_version"))
    finally:
        await connection.close()


if __name__ == "__main__":
    import uvloop

    _report = Report()
    uvloop.run(main(_report))
    _report.print_table()
