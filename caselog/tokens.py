"""How long a token holds, as people write it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

_TTL: Final = re.compile(r"(\d{1,6})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class WrongTtl(ValueError):
    """Not a duration such as 30m, 8h or 7d."""


def time_to_live(text: str) -> timedelta:
    """``8h`` → eight hours. Raises WrongTtl."""
    match = _TTL.fullmatch(text)
    if match is None or int(match[1]) == 0:
        raise WrongTtl(f"{text!r} is not a duration such as 30m, 8h or 7d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
