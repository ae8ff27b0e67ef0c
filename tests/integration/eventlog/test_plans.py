"""The statements that run all day find their rows by an index, however long the log is."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from shared.eventlog import postgres
from tests.kit.databases import Databases
from tests.kit.noted import SOURCE, with_log

pytestmark = pytest.mark.integration

ROWS = 20_000
# Streams of fifty, a quarter of the rows from elsewhere: written directly, as only an owner could.
FILL = f"""
    INSERT INTO log.event (position, sequence, recorded_at, version, epoch, id, stream, type,
                           source, entry, leaf)
    SELECT n, CASE WHEN n % 2 = 0 THEN n END, now(), 1 + n / {ROWS // 50}, 1, gen_random_uuid(),
           'S-' || n % {ROWS // 50}, 'type', CASE WHEN n % 4 = 0 THEN '/far' ELSE $1 END,
           convert_to(repeat('x', 500), 'UTF8'), sha256(n::text::bytea)
    FROM generate_series(1, {ROWS}) AS n
"""
SOME_ID = UUID(int=7)


@pytest.fixture(scope="module")
async def connection(databases: Databases) -> AsyncIterator[asyncpg.Connection]:
    """A log of some length, whose statements are planned without looking at their arguments."""
    home = await databases.create(with_log)
    owner = await asyncpg.connect(home.owner_dsn)
    await owner.execute(FILL.replace("$1", f"'{SOURCE}'"))
    await owner.execute(
        "INSERT INTO log.key SELECT 's', n, n, now() FROM generate_series(1, 9999) n"
    )
    await owner.execute("VACUUM ANALYZE log.event, log.key")
    await owner.execute("SET plan_cache_mode = force_generic_plan")
    yield owner
    await owner.close()
    await databases.drop(home)


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", ()) for node in nodes(child))]


@pytest.mark.parametrize(
    ("statement", "arguments", "index"),
    [
        (postgres.READ, "10000, 500", "event_pkey"),
        (postgres.READ_PUBLISHED, f"'{SOURCE}', 9000, 500", "event_source_sequence"),
        (postgres.READ_STREAM, "'S-7', 4611686018427387904", "event_stream_version"),
        (postgres.READ_STREAMS, "ARRAY['S-7', 'S-8'], 9000", "event_stream_version"),
        (postgres.FIND, f"ARRAY['{SOME_ID}'::uuid]", "event_id"),
        (postgres.TAKEN, "'s', ARRAY['1', '2']", "key_pkey"),
        (postgres.RECEIVED, "'/far'", "event_source_sequence"),
        (postgres.RECEIVED_LEAVES, "'/far', 1, ARRAY[4, 8]", "event_source_sequence"),
    ],
)
async def test_a_hot_read_uses_its_index(
    connection: asyncpg.Connection, statement: str, arguments: str, index: str
) -> None:
    await connection.execute(f"PREPARE hot AS {statement}")
    try:
        text = await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE hot ({arguments})")
    finally:
        await connection.execute("DEALLOCATE hot")

    found = nodes(json.loads(text)[0]["Plan"])
    assert {node.get("Index Name") for node in found} - {None} == {index}
    assert "Seq Scan" not in {node["Node Type"] for node in found}


async def test_a_moment_is_found_without_walking_the_log(connection: asyncpg.Connection) -> None:
    before = await _rows_read(connection)

    assert await connection.fetchval(postgres.POSITION_AT, datetime(2020, 1, 1, tzinfo=UTC)) == 0

    assert await _rows_read(connection) - before < 40


async def _rows_read(connection: asyncpg.Connection) -> int:
    await connection.execute("SELECT pg_stat_force_next_flush()")
    return int(
        await connection.fetchval(
            """SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)
               FROM pg_stat_user_tables WHERE relid = 'log.event'::regclass"""
        )
    )
