"""The one place that asks what time it is; everybody else is given ``utc_now`` as a value."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """This moment, in UTC, with a zone."""
    return datetime.now(UTC)
