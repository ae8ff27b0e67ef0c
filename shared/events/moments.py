"""Points in time as other systems write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

import msgspec

_MOMENT: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def parse_moment(text: str) -> datetime | None:
    """An RFC 3339 date and time with its offset, in UTC; None if the text is not one.

    Finer than microseconds is rounded; a leap second (``:60``) is not read.
    """
    if not _MOMENT.fullmatch(text):
        return None
    try:
        return msgspec.convert(text, datetime).astimezone(UTC)
    except (
        msgspec.ValidationError,
        OverflowError,
    ):  # no such day; year 1 or 9999 left by the offset
        return None
