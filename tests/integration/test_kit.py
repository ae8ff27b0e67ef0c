"""The kit's promises to the other tests."""

from __future__ import annotations

import asyncpg
import nats
import pytest

from tests.kit.fixtures import MakeDatabase
from tests.kit.servers import NatsServer, PostgresServer

pytestmark = pytest.mark.integration


async def prepare(owner_dsn: str) -> None:
    connection = await asyncpg.connect(owner_dsn)
    try:
        await connection.execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)")
        await connection.execute("GRANT SELECT ON kept TO caselog_app")
    finally:
        await connection.close()


async def test_each_database_is_a_fresh_copy_of_what_was_prepared(database: MakeDatabase) -> None:
    first, second = await database(prepare), await database(prepare)
    connection = await asyncpg.connect(first.owner_dsn)
    await connection.execute("INSERT INTO kept VALUES (2)")
    await connection.close()

    connection = await asyncpg.connect(second.app_dsn)
    rows = await connection.fetch("SELECT n FROM kept")
    await connection.close()

    assert [row["n"] for row in rows] == [1]


async def test_the_application_may_create_schemas_but_not_touch_the_owners_tables(
    database: MakeDatabase,
) -> None:
    fresh = await database(prepare)
    connection = await asyncpg.connect(fresh.app_dsn)
    try:
        await connection.execute("CREATE SCHEMA projection")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("INSERT INTO kept VALUES (3)")
    finally:
        await connection.close()


async def test_an_application_cannot_enter_another_database(
    database: MakeDatabase, postgres: PostgresServer
) -> None:
    fresh = await database()
    connection = await asyncpg.connect(postgres.admin_dsn)
    try:
        await connection.execute(f"CREATE ROLE \"stranger of {fresh.name}\" LOGIN PASSWORD 'x'")
        stranger = fresh.app_dsn.replace(fresh.app_dsn.split("//")[1].split("@")[0], "%s:x")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(stranger % f"stranger%20of%20{fresh.name}")
    finally:
        await connection.execute(f'DROP ROLE "stranger of {fresh.name}"')
        await connection.close()


async def test_a_restarted_postgres_keeps_its_address_and_what_was_committed(
    postgres_server: PostgresServer,
) -> None:
    dsn = postgres_server.admin_dsn
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
    await connection.close()

    await postgres_server.kill()
    await postgres_server.start()
    connection = await asyncpg.connect(dsn)
    after_a_crash = await connection.fetchval("SELECT n FROM kept")
    await connection.close()
    await postgres_server.restart()

    assert after_a_crash == 7
    assert postgres_server.admin_dsn == dsn


async def test_a_wiped_nats_has_lost_its_streams_and_keeps_its_address(
    nats_server: NatsServer,
) -> None:
    url = nats_server.url
    connection = await nats.connect(url)
    await connection.jetstream().add_stream(name="KEPT", subjects=["kept.>"])
    await connection.jetstream().publish("kept.1", b"x")
    await connection.close()

    await nats_server.kill()
    await nats_server.start()
    connection = await nats.connect(url)
    after_a_crash = (await connection.jetstream().stream_info("KEPT")).state.messages
    await connection.close()
    await nats_server.wipe()
    connection = await nats.connect(nats_server.url)
    after_the_wipe = await connection.jetstream().streams_info()
    await connection.close()

    assert after_a_crash == 1
    assert after_the_wipe == []
    assert nats_server.url == url
