"""What tests of the whole share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.e2e.desk import Desk
from tests.kit.stack import RunningUp


@pytest.fixture
async def desk(stack: RunningUp) -> AsyncIterator[Desk]:
    """People at work on the shared stack."""
    desk = Desk(await stack.ready())
    yield desk
    await desk.close()
