from __future__ import annotations

import asyncio
import zipfile
from pathlib import Path

import asyncpg
import psycopg
import pytest
from hatchling.build import build_wheel

from shared.eventlog.migrate import MIGRATIONS, migrate
from tests.kit.databases import Database
from tests.kit.fixtures import MakeDatabase

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
NAMES = sorted(path.stem for path in MIGRATIONS.glob("*.sql"))


async def migrated(home: Database) -> list[str]:
    return await asyncio.to_thread(migrate, home.owner_dsn)


async def test_everything_is_applied_in_order_and_once(database: MakeDatabase) -> None:
    home = await database()

    assert await migrated(home) == NAMES
    assert await migrated(home) == []


async def test_two_at_once_wait_for_each_other(database: MakeDatabase) -> None:
    home = await database()

    one, other = await asyncio.gather(migrated(home), migrated(home))

    assert sorted([one, other]) == [[], NAMES]


async def test_a_crash_between_a_migration_and_its_note_does_no_harm(
    database: MakeDatabase,
) -> None:
    home = await database()
    await migrated(home)
    connection = await asyncpg.connect(home.owner_dsn)
    await connection.execute("DELETE FROM _yoyo_migration")
    await connection.close()

    assert await migrated(home) == NAMES


async def test_a_role_that_does_not_exist_is_an_error(database: MakeDatabase) -> None:
    home = await database()

    with pytest.raises(psycopg.errors.UndefinedObject):
        await asyncio.to_thread(migrate, home.owner_dsn, "nobody here")


def test_the_migrations_are_in_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)

    with zipfile.ZipFile(tmp_path / build_wheel(str(tmp_path))) as wheel:
        packed = {name for name in wheel.namelist() if name.startswith("shared/eventlog/migr")}

    assert packed >= {f"shared/eventlog/migrations/{name}.sql" for name in NAMES}
