"""Nobody changes what is recorded: not the service's role, not the owner, not a superuser."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from shared.eventlog.log import EventLog
from shared.eventlog.postgres import PostgresStore
from shared.hosting.clock import utc_now
from tests.kit.databases import Database
from tests.kit.fixtures import MakeDatabase
from tests.kit.noted import CODEC, SOURCE, append, noted, with_log

pytestmark = pytest.mark.integration

CHANGES = [
    "UPDATE log.event SET type = 'other'",
    "UPDATE log.event SET type = 'other' WHERE position = 1",
    "DELETE FROM log.event",
    "DELETE FROM log.event WHERE position = 999",
    "TRUNCATE log.event",
    "DELETE FROM log.head",
    "TRUNCATE log.head",
    "UPDATE log.head SET position = position - 1",
    "UPDATE log.head SET epoch = epoch - 1",
    "UPDATE log.head SET log = gen_random_uuid()",
    "UPDATE log.head SET sequence = 0",
    "UPDATE log.head SET recorded_at = '2000-01-01'",
]
ONLY_BY_FUNCTIONS = [
    "INSERT INTO log.head (log) VALUES (gen_random_uuid())",
    "UPDATE log.head SET position = position + 1",
    "INSERT INTO log.event SELECT * FROM log.event",
    "INSERT INTO log.key VALUES ('a', 'b', 'c', now())",
    "DELETE FROM log.key",
    "UPDATE log.counter SET last = 0",
    "SELECT log.admit('caselog_app')",
    "ALTER TABLE log.event DISABLE TRIGGER ALL",
    "DROP TRIGGER event_is_append_only ON log.event",
    "SET session_replication_role = replica",
]


@pytest.fixture
async def home(database: MakeDatabase) -> AsyncIterator[Database]:
    home = await database(with_log)
    store = PostgresStore(home.app_dsn, source=SOURCE)
    log = EventLog(store, source=SOURCE, codec=CODEC, clock=utc_now)
    await log.start()
    await log.append(append(noted("a"), noted("b")))
    yield home
    assert len(await store.read(0, 10)) == 2
    assert (await store.head()).position == 2
    await log.stop()


async def refused(dsn: str, statement: str, *, as_replica: bool = False) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        if as_replica:
            await connection.execute("SET session_replication_role = replica")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.mark.parametrize("statement", [*CHANGES, *ONLY_BY_FUNCTIONS])
async def test_the_services_role_reads_and_calls_functions(home: Database, statement: str) -> None:
    await refused(home.app_dsn, statement)


@pytest.mark.parametrize("statement", CHANGES)
async def test_the_owner_cannot_change_history(home: Database, statement: str) -> None:
    await refused(home.owner_dsn, statement)


@pytest.mark.parametrize("statement", CHANGES)
async def test_a_superuser_who_plays_a_replica_cannot_either(
    home: Database, statement: str
) -> None:
    await refused(home.admin_dsn, statement, as_replica=True)


async def test_a_stranger_may_do_nothing(home: Database) -> None:
    connection = await asyncpg.connect(home.admin_dsn)
    role = f"stranger_{home.name}"
    try:
        await connection.execute(f'CREATE ROLE "{role}"')
        await connection.execute(f'SET ROLE "{role}"')
        for statement in ("SELECT 1 FROM log.event", "SELECT log.open()"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.execute("RESET ROLE")
        await connection.execute(f'DROP ROLE "{role}"')
        await connection.close()


async def test_a_leaf_is_a_hash(home: Database) -> None:
    connection = await asyncpg.connect(home.owner_dsn)
    try:
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute(
                """INSERT INTO log.event
                SELECT 3, 3, now(), 1, 1, gen_random_uuid(), 'c', 'type', 'source', '', '\\x00'"""
            )
    finally:
        await connection.close()
