"""A disk is full: what cannot be kept is refused, the reason is said, and room is all it takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import asyncpg
import pytest

from tests.chaos.customer import BACK_SECONDS, Customer, comes_back
from tests.chaos.product import Product
from tests.chaos.small_disks import SmallDisk, small_disk
from tests.kit.waiting import eventually

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.integration,
    pytest.mark.needs("mount"),
    pytest.mark.timeout(300),
]

POSTGRES_MEBIBYTES: Final = 400
NATS_MEBIBYTES: Final = 64
NO_SPACE: Final = "No space left on device"


@pytest.fixture
def postgres_disk(place: Path) -> Iterator[SmallDisk]:
    """What PostgreSQL keeps is on a small disk."""
    with small_disk(place / "postgres", POSTGRES_MEBIBYTES) as disk:
        yield disk


@pytest.fixture
def nats_disk(place: Path) -> Iterator[SmallDisk]:
    """What NATS keeps is on a small disk."""
    with small_disk(place / "nats", NATS_MEBIBYTES) as disk:
        yield disk


async def test_tables_cannot_grow(
    product: Product, postgres_disk: SmallDisk, free_port: Callable[[], int]
) -> None:
    async with Customer(await product.start(free_port)) as customer:
        postgres_disk.fill()

        await eventually(customer.is_refused, BACK_SECONDS)

        status, said = await product.readiness("ops")
        assert (status, NO_SPACE in said) == (503, True)
        assert NO_SPACE in str((await product.lag("ops"))["trouble"])
        assert await product.metric("ops", "caselog_log_failing") == 1
        assert re.search(f"appending fails: could not extend file.*{NO_SPACE}", product.log("ops"))
        postgres_disk.empty()
        await comes_back(product, customer)


async def test_the_write_ahead_log_cannot_grow(
    product: Product, postgres_disk: SmallDisk, free_port: Callable[[], int]
) -> None:
    """PostgreSQL itself crashes then, and cannot start before there is room."""
    async with Customer(await product.start(free_port)) as customer:
        postgres_disk.fill()

        await eventually(lambda: the_server_is_gone(product), BACK_SECONDS)

        assert not await customer.is_served()
        status, said = await product.readiness("ops")
        assert (status, "database" in said) == (503, True)
        assert NO_SPACE in product.log("postgres")
        postgres_disk.empty()
        await comes_back(product, customer)


async def test_streams_cannot_grow(
    product: Product, nats_disk: SmallDisk, free_port: Callable[[], int]
) -> None:
    """Commands need no broker, and the exchange goes round it; other systems get no promise."""
    async with Customer(await product.start(free_port)) as customer:
        await eventually(product.is_at_rest, BACK_SECONDS, every=0.1)
        nats_disk.fill()

        assert (await customer.says("ops", large=True)).type == "ok"
        assert (await customer.says("eng", large=True)).type == "ok"

        await eventually(lambda: product.is_troubled("ops", "relay"), BACK_SECONDS, every=0.1)
        await eventually(product.is_whole, BACK_SECONDS, every=0.1)
        assert await product.metric("ops", "caselog_exchange_troubles") == 1
        assert product.up is not None
        assert "no space left on device" in await product.up.says("NATS cannot write:")
        assert not await customer.publishes()
        nats_disk.empty()
        await product.up.says("NATS is back")
        await eventually(customer.publishes, BACK_SECONDS, every=0.1)
        await comes_back(product, customer)


async def the_server_is_gone(product: Product) -> bool:
    """Fills the write-ahead log, a segment at a time; whether that broke the server."""
    try:
        connection = await asyncpg.connect(product.superuser_dsn, timeout=5)
        try:
            await connection.execute("SELECT txid_current(), pg_switch_wal()")
        finally:
            connection.terminate()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return True
    return False
