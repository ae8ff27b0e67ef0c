"""The one place that makes ids; everybody else is given ``new_id`` as a value."""

from __future__ import annotations

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A fresh UUIDv7: unique, and sorted by the time it was made."""
    return uuid7()
