"""NATS may store no more: the services exchange round it, and nobody gets a promise from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from tests.chaos.customer import BACK_SECONDS, Customer, comes_back
from tests.chaos.product import Product
from tests.kit.waiting import eventually

pytestmark = [pytest.mark.chaos, pytest.mark.integration, pytest.mark.timeout(300)]

LITTLE_BYTES: Final = 100_000
"""Less than what the streams hold by then."""
COMMENTS: Final = 3


async def test_the_store_is_full(product: Product, free_port: Callable[[], int]) -> None:
    limit = product.data / "limit"
    limiting = f"from tests.chaos.routing import store_limit\nstore_limit({str(limit)!r})\n"
    endpoints = await product.start(free_port, before=limiting)
    async with Customer(endpoints) as customer:
        for _ in range(COMMENTS):
            assert (await customer.says(large=True)).type == "ok"
        await eventually(product.is_at_rest, BACK_SECONDS, every=0.1)
        limit.write_text(str(LITTLE_BYTES))
        product.kill("nats")
        await eventually(product.is_whole, BACK_SECONDS, every=0.1)

        assert (await customer.says(large=True)).type == "ok"

        full = "insufficient resources"
        await eventually(lambda: product.is_troubled("ops", full), BACK_SECONDS)
        assert await product.metric("ops", "caselog_exchange_troubles") == 1
        assert f"not published: OPS_EVENTS: {full}" in product.log("ops")
        await eventually(product.is_whole, BACK_SECONDS, every=0.1)
        assert not await customer.publishes()
        limit.unlink()
        product.kill("nats")  # as an administrator who gave it more
        await eventually(customer.publishes, BACK_SECONDS, every=0.1)
        await comes_back(product, customer)
