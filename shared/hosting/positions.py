"""Reading one's own writes: every answer says its position, and a GET may wait for one."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from litestar import Request

from shared.hosting.incoming import incoming_of
from shared.hosting.problems import Kind, ProblemRaised, problem, wrong_field

HEADER: Final = "Caselog-Position"
MIN_HEADER: Final = "Caselog-Min-Position"
WAIT_SECONDS: Final = 2.0
POSITION_MAX: Final = 2**53 - 1
"""No log gets there, and every reader of JSON can still tell it from its neighbours."""

_NUMBER: Final = re.compile(r"[0-9]{1,19}")


class ReadModel(Protocol):
    """Something to read from that follows the log."""

    @property
    def position(self) -> int:
        """The position up to which it holds the log."""

    async def wait_for(self, position: int, timeout: float) -> bool:
        """Whether it holds that position within ``timeout`` seconds."""


def parse_position(text: str) -> int | None:
    """A position, or None for what is none."""
    if not _NUMBER.fullmatch(text) or (number := int(text)) > POSITION_MAX:
        return None
    return number


def waits_for(model: ReadModel) -> Callable[[Request[Any, Any, Any]], Awaitable[None]]:
    """A ``before_request`` that waits until ``model`` holds the position that the caller asks for.

    Its errors are ProblemRaised: 422 for a header that is no position, 503 after ``WAIT_SECONDS``.
    """

    async def before_request(request: Request[Any, Any, Any]) -> None:
        incoming = incoming_of(request)
        wanted = incoming.header(MIN_HEADER)
        if wanted is not None:
            position = parse_position(wanted)
            if position is None:
                raise ProblemRaised(wrong_field(MIN_HEADER, "must be a position: a whole number"))
            if not await model.wait_for(position, WAIT_SECONDS):
                detail = f"position {position} is not here yet; this holds {model.position}"
                raise ProblemRaised(problem(Kind.BEHIND, detail))
        incoming.position = model.position

    return before_request
