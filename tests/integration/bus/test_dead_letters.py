"""Dead letters: the exact bytes, once for each message, never deleted; both adapters alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from shared.bus.dead_letters import DeadLetters, DeadLettersUnavailable, Rejected
from shared.bus.memory import MemoryDeadLetters
from shared.bus.migrate import migrate
from shared.bus.postgres import PostgresDeadLetters
from shared.hosting.clock import utc_now
from shared.hosting.ids import new_id
from tests.kit.databases import Database
from tests.kit.fixtures import MakeDatabase

pytestmark = pytest.mark.integration


async def prepare(owner_dsn: str) -> None:
    await asyncio.to_thread(migrate, owner_dsn)


@pytest.fixture
async def fresh(database: MakeDatabase) -> Database:
    return await database(prepare)


@pytest.fixture(params=["memory", "postgres"])
async def letters(request: pytest.FixtureRequest, fresh: Database) -> AsyncIterator[DeadLetters]:
    if request.param == "memory":
        yield MemoryDeadLetters(clock=utc_now, new_id=new_id)
        return
    async with asyncpg.create_pool(fresh.app_dsn, min_size=1, max_size=2) as pool:
        yield PostgresDeadLetters(pool, clock=utc_now, new_id=new_id)


def rejected(body: bytes = b"\x00\xff{", *, route: str = "intake.ops.x.y") -> Rejected:
    headers = (("ce-id", "1"), ("ce-id", "2"), ("Content-Type", "text/plain"))
    return Rejected(route=route, headers=headers, body=body, reason="not JSON", rule="unreadable")


async def test_a_letter_is_kept_as_it_came(letters: DeadLetters) -> None:
    kept = await letters.keep(rejected())

    found = await letters.find(kept.id)
    assert found == kept
    assert kept.body == b"\x00\xff{"
    assert kept.headers == rejected().headers
    assert (kept.route, kept.reason, kept.rule) == ("intake.ops.x.y", "not JSON", "unreadable")
    assert (kept.state, kept.times) == ("open", 1)
    assert await letters.open_count() == 1


async def test_the_same_message_again_is_counted(letters: DeadLetters) -> None:
    first = await letters.keep(rejected())
    again = await letters.keep(rejected())
    await letters.keep(rejected(b"another"))
    await letters.keep(rejected(route="intake.ops.x.z"))

    assert (again.id, again.times) == (first.id, 2)
    assert await letters.open_count() == 3


async def test_pages_are_in_the_order_in_which_they_came(letters: DeadLetters) -> None:
    kept = [await letters.keep(rejected(b"%d" % n)) for n in range(5)]
    await letters.settle(kept[1].id, "discarded", "spam")

    first = await letters.page(limit=2)
    rest = await letters.page(after=first[-1].id)
    still_open = await letters.page(state="open")

    assert [each.id for each in (*first, *rest)] == [each.id for each in kept]
    assert len(still_open) == 4


async def test_what_was_discarded_stays_so_and_what_was_retried_opens_again(
    letters: DeadLetters,
) -> None:
    discarded, retried = await letters.keep(rejected(b"a")), await letters.keep(rejected(b"b"))
    settled = await letters.settle(discarded.id, "discarded", "spam")
    await letters.settle(retried.id, "retried", "recorded as OPS-1")

    assert settled is not None
    assert (settled.state, settled.note) == ("discarded", "spam")
    assert (await letters.keep(rejected(b"a"))).state == "discarded"
    assert (await letters.keep(rejected(b"b"))).state == "open"


async def test_an_unknown_letter_is_none(letters: DeadLetters) -> None:
    nobody = UUID(int=7)
    assert await letters.find(nobody) is None
    assert await letters.settle(nobody, "discarded", "") is None


async def test_text_that_no_database_takes(letters: DeadLetters) -> None:
    odd = Rejected(
        route="intake.ops.\x00", headers=(("x", "\ud800"),), body=b"", reason="\x00", rule="r"
    )
    kept = await letters.keep(odd)
    again = await letters.keep(odd)
    assert (again.id, again.times) == (kept.id, 2)


async def test_the_application_can_neither_delete_nor_empty_them(fresh: Database) -> None:
    connection = await asyncpg.connect(fresh.app_dsn)
    try:
        for statement in ("DELETE FROM bus.dead_letter", "TRUNCATE bus.dead_letter"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


async def test_without_a_database_it_says_so(fresh: Database) -> None:
    pool = await asyncpg.create_pool(fresh.app_dsn, min_size=1, max_size=1)
    letters = PostgresDeadLetters(pool, clock=utc_now, new_id=new_id)
    await pool.close()
    with pytest.raises(DeadLettersUnavailable):
        await letters.keep(rejected())


async def test_migrating_again_does_nothing(fresh: Database) -> None:
    assert await asyncio.to_thread(migrate, fresh.owner_dsn) == []
