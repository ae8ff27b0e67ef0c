"""When something happened, where that is not now: the header ``Occurred-At``, for systems only."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

import msgspec

from shared.events.cloudevents import EARLIEST
from shared.hosting.principal import Principal, Role
from shared.hosting.problems import ProblemRaised, forbidden, wrong_field

HEADER: Final = "Occurred-At"
MOMENT: Final = r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)"
"""RFC 3339's date-time, as a pattern."""
_MOMENT: Final = re.compile(MOMENT, re.ASCII)


def parse_moment(text: str) -> datetime | None:
    """An RFC 3339 date and time with its zone, in UTC; None if it is not one."""
    if not _MOMENT.fullmatch(text):
        return None
    try:
        return msgspec.convert(text, datetime).astimezone(UTC)
    except (msgspec.ValidationError, OverflowError):
        return None


def parse_occurred_at(value: str | None, principal: Principal, now: datetime) -> datetime:
    """When the command's events happened: ``now``, unless a system says otherwise.

    Raises ProblemRaised: 403 without the role system, 422 for what is no moment, or one that cannot
    be meant: still to come, or before there were computers that knew the time.
    """
    if value is None:
        return now
    if Role.SYSTEM not in principal.roles:
        raise ProblemRaised(forbidden(f"{HEADER} is for the role system only"))
    moment = parse_moment(value)
    if moment is None:
        raise ProblemRaised(wrong_field(HEADER, "must be RFC 3339, like 2024-05-01T12:00:00Z"))
    if moment > now:
        raise ProblemRaised(wrong_field(HEADER, "must not lie in the future"))
    if moment < EARLIEST:
        raise ProblemRaised(wrong_field(HEADER, f"must not lie before {EARLIEST:%Y}"))
    return moment
