"""``as_of``: reading as it was, by position or by the moment at which things were recorded."""

from __future__ import annotations

import re
from typing import Annotated, Final

from litestar.params import QueryParameter

from shared.eventlog.port import LogStore
from shared.hosting.occurred import parse_moment
from shared.hosting.positions import parse_position
from shared.hosting.problems import ProblemRaised, wrong_field

PARAMETER: Final = "as_of"

AsOf = Annotated[
    str | None,
    QueryParameter(
        name=PARAMETER,
        required=False,
        description="A position, or an RFC 3339 moment (by recorded_at); inclusive.",
    ),
]
"""How a handler declares the parameter."""

# In a query, an unescaped + is a space: take it for the sign of the zone that it was.
_LOST_PLUS: Final = re.compile(r"(.*[Tt]\d\d:\d\d:\d\d(?:\.\d+)?) (\d\d:\d\d)")


async def position_as_of(text: str | None, store: LogStore) -> int | None:
    """The last position to read, None for all; 0 where nothing had been recorded yet.

    Raises ProblemRaised (422), LogUnavailable.
    """
    if text is None:
        return None
    position = parse_position(text)
    if position is not None:
        return position
    moment = parse_moment(_LOST_PLUS.sub(r"\1+\2", text))
    if moment is None:
        raise ProblemRaised(wrong_field(PARAMETER, "must be a position or an RFC 3339 moment"))
    return await store.position_at(moment)
