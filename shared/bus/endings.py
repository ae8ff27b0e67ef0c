"""Ending tasks for sure."""

from __future__ import annotations

import asyncio
from typing import Any, Final

AGAIN_S: Final = 1.0


async def ended(*tasks: asyncio.Task[Any]) -> None:
    """Cancels tasks until they are done.

    Once is not enough: before Python 3.12 ``asyncio.wait_for``, which the NATS client waits with,
    swallows a cancellation that comes together with the answer.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=AGAIN_S)
