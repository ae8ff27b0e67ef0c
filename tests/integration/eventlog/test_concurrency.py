"""Two processes write, readers tail, and connections are cut.

The server cuts some at any moment; the network others after a commit, before its answer.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from shared.eventlog.model import LogUnavailable, Row
from shared.eventlog.postgres import PostgresStore
from tests.integration.eventlog import writing
from tests.kit.cutting import cutting
from tests.kit.databases import Database
from tests.kit.fixtures import MakeDatabase
from tests.kit.noted import SOURCE, with_log

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
READERS = 3
CUT_EVERY = 40
"""Positions between two cut connections."""
CUT = """
    SELECT pg_terminate_backend(pid), application_name FROM pg_stat_activity
    WHERE datname = current_database() AND application_name IN ('caselog append', 'caselog read')
    ORDER BY random() LIMIT 1"""


class Reader:
    """Tails the log, and never sees a position appear behind it."""

    def __init__(self, home: Database, seed: int) -> None:
        self.store = PostgresStore(home.app_dsn, source=SOURCE)
        self.rows: list[Row] = []
        self.published: list[Row] = []
        self._dice = random.Random(seed)

    async def tail(self, finished: asyncio.Event) -> None:
        await self.store.open()
        while True:
            was_finished = finished.is_set()
            try:
                more = await self.store.read(len(self.rows), self._dice.randint(1, 200))
                said = await self.store.read_published(len(self.published), 200)
            except LogUnavailable:
                continue
            assert [row.position for row in more] == list(
                range(len(self.rows) + 1, len(self.rows) + 1 + len(more))
            )
            assert [row.sequence for row in said] == list(
                range(len(self.published) + 1, len(self.published) + 1 + len(said))
            )
            self.rows += more
            self.published += said
            if was_finished and not more and not said:
                await self.store.close()
                return


async def cut_connections(home: Database, finished: asyncio.Event) -> Counter[str]:
    """Each time the log has grown a little; how many of which kind were cut."""
    connection = await asyncpg.connect(home.admin_dsn)
    cut: Counter[str] = Counter()
    last = 0
    while not finished.is_set():
        position = await connection.fetchval("SELECT position FROM log.head") or 0
        if position >= last + CUT_EVERY:
            last = position
            cut.update(row["application_name"] for row in await connection.fetch(CUT))
    await connection.close()
    return cut


async def writers(dsn: str, seed: int) -> list[dict[str, Any]]:
    """What a process of writers was told."""
    module = "tests.integration.eventlog.writing"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, dsn, str(seed), cwd=ROOT, stdout=-1
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0
    return [json.loads(line) for line in output.splitlines()]


async def both_processes(dsn: str) -> list[dict[str, Any]]:
    told = await asyncio.gather(*[writers(dsn, seed) for seed in (1, 2)])
    return [request for one in told for request in one]


@pytest.mark.timeout(60)
async def test_nothing_is_missing_doubled_or_seen_out_of_order(database: MakeDatabase) -> None:
    home = await database(with_log)
    finished = asyncio.Event()
    readers = [Reader(home, n) for n in range(READERS)]
    async with asyncio.TaskGroup() as tasks:
        for reader in readers:
            tasks.create_task(reader.tail(finished))
        terminating = tasks.create_task(cut_connections(home, finished))
        async with cutting(home.app_dsn, chance=0.02, seed=0) as (dsn, network):
            told = await both_processes(dsn)
        finished.set()
    cut = terminating.result()

    rows = readers[0].rows
    assert all(reader.rows == rows for reader in readers)
    assert all(reader.published == [r for r in rows if r.sequence] for reader in readers)
    recorded = {str(row.id): row.position for row in rows}
    assert len(recorded) == len(rows), "nothing is doubled"
    streams = defaultdict(list)
    for row in rows:
        streams[row.stream].append(row.version)
    assert all(seen == list(range(1, len(seen) + 1)) for seen in streams.values())
    for request in told:
        there = [recorded.get(event_id) for event_id in request["ids"]]
        match request["outcome"]:
            case "appended":
                assert there == request["positions"]
            case "refused":
                assert set(there) == {None}
            case _:
                assert set(there) == {None} or None not in there
    outcomes = Counter(request["outcome"] for request in told)
    assert outcomes["appended"] > writing.WRITERS * writing.APPENDS / 2
    assert outcomes["refused"] > 0
    assert cut["caselog append"] > 5
    assert network.cut > 5
    assert len(rows) == sum(len(r["ids"]) for r in told if recorded.get(r["ids"][0]))
