"""PostgreSQL takes no more connections: a service that lost its own says so, and waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import asyncpg
import pytest

from tests.chaos.customer import BACK_SECONDS, Customer, comes_back
from tests.chaos.product import Product
from tests.kit.waiting import eventually

pytestmark = [pytest.mark.chaos, pytest.mark.integration, pytest.mark.timeout(300)]

CONNECTIONS: Final = 60
AWAY: Final = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)
TOO_MANY: Final = "remaining connection slots are reserved"


async def test_others_hold_all_connections(product: Product, free_port: Callable[[], int]) -> None:
    settings = product.data / "postgres" / "local.conf"
    settings.parent.mkdir()
    settings.write_text(f"max_connections = {CONNECTIONS}\n")
    settings.chmod(0o644)  # the server may run as another user
    settings.parent.chmod(0o711)
    endpoints = await product.start(free_port)
    async with Customer(endpoints) as customer:
        product.proxies["ops", "postgres"].refuse()
        await eventually(lambda: is_without(product, "caselog_ops"), BACK_SECONDS, every=0.1)
        async with hogging(endpoints.postgres["eng"]):
            product.proxies["ops", "postgres"].heal()

            await eventually(lambda: says(product, TOO_MANY), BACK_SECONDS, every=0.1)
            assert await customer.is_refused("ops")
            assert await customer.is_refused("ops")

        await comes_back(product, customer)


async def is_without(product: Product, role: str) -> bool:
    """Whether the server has no connection of this role any more."""
    connection = await asyncpg.connect(product.superuser_dsn)
    try:
        count = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = $1", role
        )
    finally:
        connection.terminate()
    return bool(count == 0)


async def says(product: Product, reason: str) -> bool:
    """Whether Operations is not ready, for this reason, by itself and in its log."""
    status, said = await product.readiness("ops")
    assert status == 503, said
    assert reason in said, said
    assert reason in product.log("ops")
    return True


@asynccontextmanager
async def hogging(dsn: str) -> AsyncIterator[None]:
    """Takes every connection there is, and every one that becomes free."""
    held: list[asyncpg.Connection] = []
    over = asyncio.Event()
    full = asyncio.Event()

    async def take() -> None:
        while not over.is_set():
            try:
                held.append(await asyncpg.connect(dsn, timeout=5))
            except AWAY:
                full.set()
                await one_moment()

    taking = asyncio.create_task(take())
    try:
        await full.wait()
        yield
    finally:
        over.set()
        await taking
        for connection in held:
            connection.terminate()


async def one_moment() -> None:
    """Sooner than anybody who waits for a connection tries again."""
    elapsed = asyncio.Event()
    asyncio.get_running_loop().call_later(0.002, elapsed.set)
    await elapsed.wait()
