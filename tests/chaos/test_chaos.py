"""Everything breaks under load, again and again; what clients were told is true in the end.

``make chaos SECONDS=600 SEED=7`` runs it longer, and with the faults of that seed.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.chaos import schedule
from tests.chaos.conftest import ONLY, SECONDS, SEED
from tests.chaos.product import Product
from tests.chaos.run import Run, prove, summary
from tests.kit.command import caselog

pytestmark = [pytest.mark.chaos, pytest.mark.integration]


@pytest.mark.timeout(SECONDS * 3 + 600)
async def test_what_clients_were_told_is_true(
    product: Product, free_port: Callable[[], int], say: Callable[[str], None]
) -> None:
    faults = schedule.schedule(SEED, SECONDS, schedule.kinds_named(ONLY))
    say(f"\nmake chaos SECONDS={SECONDS:g} SEED={SEED}\n{schedule.lines(faults)}")
    endpoints = await product.start(free_port)
    run = Run(product, SEED, say)

    told = await run.go(faults)

    say(summary(told, run.recoveries))
    findings = await prove(endpoints, told)
    where = f"SEED={SEED}; the history is in {product.data}"
    assert not findings, "\n".join((where, *findings))
    verified = await caselog("verify", "pair", data=product.data)
    assert verified.code == 0, verified.out + verified.err
    assert await product.stop() == 0
