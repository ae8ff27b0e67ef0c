"""A service's clock is an hour off: it is said, and nothing depends on it but the times told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Final

import msgspec
import pytest

from caselog.endpoints import Endpoints
from caselog.stack import Layout
from shared.events.envelope import Head
from shared.hosting.clock import utc_now
from shared.hosting.tokens import issue_token
from tests.chaos.checker import SOURCES
from tests.chaos.customer import BACK_SECONDS, Customer, comes_back
from tests.chaos.false_clocks import FalseClock
from tests.chaos.product import Product
from tests.chaos.run import read_log
from tests.kit.waiting import eventually

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.integration,
    pytest.mark.needs("libfaketime"),
    pytest.mark.timeout(300),
]

HOUR: Final = timedelta(hours=1)
ABOUT: Final = timedelta(seconds=30)


async def test_a_clock_goes_an_hour_ahead_and_an_hour_behind(
    product: Product, free_port: Callable[[], int]
) -> None:
    clock = FalseClock(product.data / "clock")
    endpoints = await product.start(free_port, variables={"ops": clock.variables})
    async with Customer(endpoints) as customer:
        clock.is_off("+1h")
        await eventually(lambda: is_told(product, 1), BACK_SECONDS, every=0.1)
        assert await customer.is_served()
        assert abs((await last_times(endpoints)).time - utc_now() - HOUR) < ABOUT
        await eventually(product.is_whole, BACK_SECONDS, every=0.1)

        clock.is_off("-1h")
        await eventually(lambda: is_told(product, -1), BACK_SECONDS, every=0.1)
        assert await customer.is_served()
        assert abs((await last_times(endpoints)).time - utc_now() + HOUR) < ABOUT
        await eventually(product.is_whole, BACK_SECONDS, every=0.1)
        status, said = await asks_with_a_new_token(product)
        assert (status, "the token is not good yet" in said) == (401, True)

        clock.is_off("+0")
        await comes_back_in_time(product, customer, endpoints)


async def comes_back_in_time(product: Product, customer: Customer, endpoints: Endpoints) -> None:
    await eventually(lambda: is_told(product, 0), BACK_SECONDS, every=0.1)
    assert (await asks_with_a_new_token(product))[0] == 200
    own = [each.raw for each in (await read_log(endpoints, "ops")).placed]
    heads = [msgspec.json.decode(raw, type=Head) for raw in own]
    recorded = [each.recordedtime for each in heads if each.source == SOURCES["ops"]]
    assert all(earlier <= later for earlier, later in pairwise(recorded))
    await comes_back(product, customer)


async def is_told(product: Product, hours: int) -> bool:
    """Whether lag, metric and log say that the clock of Operations is so far off."""
    ahead = await product.metric("ops", "caselog_clock_ahead_seconds")
    assert abs(ahead - hours * HOUR.total_seconds()) < ABOUT.total_seconds(), ahead
    trouble = (await product.lag("ops"))["trouble"]
    assert isinstance(trouble, dict)
    words = {1: "s ahead of the database's", -1: "s behind the database's", 0: "agree again"}
    assert words[hours] in product.log("ops")
    assert (words[hours] in trouble["clock"]) if hours else ("clock" not in trouble), trouble
    return True


async def last_times(endpoints: Endpoints) -> Head:
    """The head of the last entry that Operations wrote itself."""
    placed = (await read_log(endpoints, "ops")).placed
    last = [each.raw for each in placed if each.entry.source == SOURCES["ops"]][-1]
    return msgspec.json.decode(last, type=Head)


async def asks_with_a_new_token(product: Product) -> tuple[int, str]:
    """What Operations answers to somebody whose token was signed just now, by the right time."""
    assert product.endpoints is not None
    token = issue_token(Layout(product.data).token_key, name="new", role="tier2", ttl=HOUR)
    answer = await product.client.get(
        f"{product.endpoints.ops}/issues", headers={"Authorization": f"Bearer {token}"}
    )
    return answer.status_code, answer.text
