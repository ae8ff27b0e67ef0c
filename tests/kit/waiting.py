"""Waiting for something to become true: the one place in the tests that polls."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")
Describe = Callable[[], object] | str


@overload
async def eventually(
    condition: Callable[[], Awaitable[T]],
    timeout: float = ...,
    *,
    every: float = ...,
    describe: Describe = ...,
) -> T: ...
@overload
async def eventually(
    condition: Callable[[], T],
    timeout: float = ...,
    *,
    every: float = ...,
    describe: Describe = ...,
) -> T: ...


async def eventually(
    condition: Callable[[], Any],
    timeout: float = 10.0,
    *,
    every: float = 0.02,
    describe: Describe = "",
) -> Any:
    """Give the first true value of ``condition``, which may be a coroutine function.

    What the condition raises is raised at once, except ``AssertionError``: that means "not yet",
    and is what the failure shows. ``timeout`` and ``every`` are seconds.

    Raises:
        AssertionError: it did not come true in time; says what was last seen.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    while True:
        refusal: AssertionError | None = None
        seen: object = None
        try:
            answer = condition()
            seen = await answer if inspect.isawaitable(answer) else answer
            if seen:
                return seen
        except AssertionError as error:
            refusal = error
        if loop.time() >= deadline:
            what = describe() if callable(describe) else describe
            last = refusal if refusal is not None else f"last value {seen!r}"
            raise AssertionError(f"not within {timeout:g} s: {what} ({last})") from refusal
        pause = asyncio.Event()
        loop.call_later(every, pause.set)
        await pause.wait()
