from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta

import asyncpg
import pytest

from shared.eventlog import generations
from shared.eventlog.log import EventLog
from shared.eventlog.model import LogUnavailable, Row
from shared.eventlog.postgres import PostgresStore
from shared.eventlog.projections import Projection
from shared.eventlog.projector import NotFilled, Projector
from shared.hosting.clock import utc_now
from tests.kit.databases import Database, Databases
from tests.kit.fixtures import MakeDatabase
from tests.kit.noted import CODEC, SOURCE, append, noted, with_log
from tests.kit.servers import PostgresServer
from tests.kit.waiting import eventually

pytestmark = pytest.mark.integration

StartProjector = Callable[..., Awaitable[Projector]]


class Tally:
    """Counts the events of each stream."""

    def __init__(self, name: str = "tally", version: int = 1, table: str = "tally") -> None:
        self.name = name
        self.version = version
        self.table = table
        self.batches: list[list[int]] = []
        self.failure: Exception | None = None

    @property
    def sql(self) -> str:
        return f"CREATE TABLE {self.table} (stream text PRIMARY KEY, events bigint NOT NULL)"

    async def apply(self, connection: asyncpg.Connection, rows: Sequence[Row]) -> None:
        await connection.execute(
            f"""INSERT INTO {self.table} AS held
                SELECT stream, count(*) FROM unnest($1::text[]) AS stream GROUP BY stream
                ON CONFLICT (stream) DO UPDATE SET events = held.events + excluded.events""",
            [row.stream for row in rows],
        )
        self.batches.append([row.position for row in rows])
        if self.failure is not None:
            raise self.failure


@pytest.fixture
async def home(database: MakeDatabase) -> Database:
    return await database(with_log)


@pytest.fixture
async def log(home: Database) -> AsyncIterator[EventLog]:
    log = await _log(home.app_dsn)
    yield log
    await log.stop()


@pytest.fixture
async def start(log: EventLog, home: Database) -> AsyncIterator[StartProjector]:
    started: list[Projector] = []

    async def start_projector(*projections: Projection) -> Projector:
        projector = Projector(log, projections, home.app_dsn)
        await projector.start()
        started.append(projector)
        return projector

    yield start_projector
    for projector in started:
        await projector.stop()


async def _log(dsn: str) -> EventLog:
    log = EventLog(PostgresStore(dsn, source=SOURCE), source=SOURCE, codec=CODEC, clock=utc_now)
    await log.start()
    return log


async def counted(projector: Projector, table: str = "tally") -> dict[str, int]:
    async with projector.reading() as connection:
        rows = await connection.fetch(f"SELECT stream, events FROM {table}")
        return {row[0]: row[1] for row in rows}


async def one_event_each(log: EventLog, *streams: str) -> int:
    done = await asyncio.gather(*[log.append(append(noted(stream))) for stream in streams])
    return max(each.position for each in done)


async def is_ready(projector: Projector) -> None:
    await eventually(lambda: projector.ready, describe="the read models are filled")


async def test_what_was_appended_can_be_read_at_its_position(
    log: EventLog, start: StartProjector
) -> None:
    projector = await start(Tally())
    position = await one_event_each(log, "a", "b")

    assert await projector.wait_for(position, 20)
    assert await counted(projector) == {"a": 1, "b": 1}
    assert projector.position == position == projector.position_of("tally")
    assert not await projector.wait_for(position + 1, 0.01)


async def test_a_log_that_was_there_before_is_folded_in_large_batches(
    log: EventLog, start: StartProjector
) -> None:
    await log.append(append(*[noted("a", str(n)) for n in range(3_000)]))
    tally = Tally()

    projector = await start(tally)
    await is_ready(projector)

    assert await counted(projector) == {"a": 3_000}
    assert [position for batch in tally.batches for position in batch] == list(range(1, 3_001))
    assert len(tally.batches) == 2


async def test_nothing_is_counted_twice_after_a_restart(
    log: EventLog, start: StartProjector
) -> None:
    first = await start(Tally())
    assert await first.wait_for(await one_event_each(log, "a", "b"), 20)
    await first.stop()

    second = await start(Tally())
    assert second.ready, "what is filled can be read at once"
    assert await second.wait_for(await one_event_each(log, "c"), 20)

    assert await counted(second) == {"a": 1, "b": 1, "c": 1}


async def test_rows_and_checkpoint_move_together(log: EventLog, start: StartProjector) -> None:
    tally = Tally()
    projector = await start(tally)
    await is_ready(projector)
    tally.failure = RuntimeError("after the rows were written")

    position = await one_event_each(log, "a")
    await eventually(lambda: len(tally.batches) >= 2, describe="it was tried again")
    assert await counted(projector) == {}
    assert projector.position == 0
    tally.failure = None

    assert await projector.wait_for(position, 20)
    assert await counted(projector) == {"a": 1}


async def test_a_failing_projection_holds_up_no_other(log: EventLog, start: StartProjector) -> None:
    failing, fine = Tally("failing", table="other"), Tally("fine")
    projector = await start(failing, fine)
    await is_ready(projector)
    failing.failure = RuntimeError("a bug")

    position = await one_event_each(log, "a")

    await eventually(lambda: projector.position_of("fine") == position)
    assert projector.position == 0
    assert await counted(projector) == {"a": 1}


async def test_another_version_is_filled_beside_the_live_one_and_swapped(
    log: EventLog, start: StartProjector, home: Database
) -> None:
    old = await start(Tally())
    assert await old.wait_for(await one_event_each(log, "a"), 20)
    old_path = await _tables(home)
    await old.stop()

    new = await start(Tally(version=2, table="retold"))
    with pytest.raises(NotFilled):
        async with new.reading():
            pass
    await is_ready(new)

    assert old_path == {("tally_1", "tally")}
    assert await counted(new, "retold") == {"a": 1}
    assert await _tables(home) == {("tally_1", "tally"), ("tally_2", "retold")}


async def test_readers_in_another_process_follow_a_swap(
    log: EventLog, start: StartProjector, home: Database
) -> None:
    projector = await start(Tally())
    position = await one_event_each(log, "a")
    assert await projector.wait_for(position, 20)
    connection = await asyncpg.connect(home.app_dsn)
    beside = await generations.create(connection, "tally", 1, Tally().sql)
    await connection.execute("INSERT INTO tally_2.tally VALUES ('b', 7)")

    await generations.make_live(connection, beside)

    async def sees_the_new_one() -> bool:
        return await counted(projector) == {"b": 7}

    await eventually(sees_the_new_one)
    await connection.close()


async def test_retired_tables_are_dropped_when_nobody_can_be_reading_them(
    home: Database, start: StartProjector, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await start(Tally())
    await is_ready(first)
    await first.stop()
    second = await start(Tally(version=2, table="retold"))
    await is_ready(second)
    await second.stop()
    assert len(await _tables(home)) == 2

    monkeypatch.setattr(generations, "RETIRED_KEPT", timedelta(0))
    await start(Tally(version=2, table="retold"))

    async def only_the_live_one_is_left() -> bool:
        return await _tables(home) == {("tally_2", "retold")}

    await eventually(only_the_live_one_is_left)


async def test_one_process_works_and_the_other_follows_and_takes_over(
    log: EventLog, start: StartProjector
) -> None:
    first, second = Tally(), Tally()
    working = await start(first)
    await is_ready(working)
    following = await start(second)

    assert await following.wait_for(await one_event_each(log, "a"), 20)
    assert second.batches == []
    await working.stop()
    assert await following.wait_for(await one_event_each(log, "b"), 20)

    assert second.batches == [[2]]
    assert await counted(following) == {"a": 1, "b": 1}


async def test_two_at_once_harm_nothing(
    log: EventLog, start: StartProjector, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await start(Tally())
    await is_ready(one)
    monkeypatch.setattr("shared.eventlog.projector.LOCK", 1)  # as if the first had lost its lock
    two = await start(Tally())

    for n in range(50):
        position = await one_event_each(log, f"a{n}", f"b{n}")
        assert await one.wait_for(position, 20)
        assert await two.wait_for(position, 20)

    assert await counted(one) == {f"{s}{n}": 1 for n in range(50) for s in "ab"}


async def test_a_projector_survives_its_database(postgres_server: PostgresServer) -> None:
    maker = Databases(postgres_server.admin_dsn, prefix="restart")
    home = await maker.create(with_log)
    log = await _log(home.app_dsn)
    projector = Projector(log, [Tally()], home.app_dsn)
    await projector.start()
    assert await projector.wait_for(await one_event_each(log, "a"), 20)

    await postgres_server.restart()
    position = await one_event_each(log, "b")

    assert await projector.wait_for(position, 20)

    async def readable() -> bool:
        try:
            return await counted(projector) == {"a": 1, "b": 1}
        except LogUnavailable:
            return False

    await eventually(readable)
    await projector.stop()
    await log.stop()


async def _tables(home: Database) -> set[tuple[str, str]]:
    connection = await asyncpg.connect(home.app_dsn)
    try:
        rows = await connection.fetch(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname ~ '^tally_'"
        )
        return {(row[0], row[1]) for row in rows}
    finally:
        await connection.close()
