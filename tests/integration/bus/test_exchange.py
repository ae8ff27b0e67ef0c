"""What one side publishes, the other holds: exactly once, in order, the same bytes."""

from __future__ import annotations

import pytest

from tests.kit.sides import Side, holds_all
from tests.kit.waiting import eventually

pytestmark = pytest.mark.integration


async def test_each_side_holds_what_the_other_published(ops: Side, eng: Side) -> None:
    await ops.say(30)
    await eng.say_at_once(50)

    await eventually(lambda: holds_all(eng, ops))
    await eventually(lambda: holds_all(ops, eng))
    assert len(await eng.received()) == 30
    assert len(await ops.received()) == 50
