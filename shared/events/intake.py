"""What other systems publish into caselog, and the receipt that each of their events gets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

Service = Literal["ops", "eng"]
Outcome = Literal["recorded", "duplicate", "refused"]


class IntakeEvent(Struct, frozen=True, kw_only=True):
    """One event of another system, whatever way it came: ``source`` and ``id`` together make it idempotent.

    ``type`` is the short name (``opened``); ``subject`` is a key or ``<system>:<number>``, None where the event needs none;
    ``time`` is when it happened; ``data`` is the decoded JSON body, not yet checked against a type.
    """

    service: Service
    system: str
    type: str
    id: str
    source: str
    subject: str | None
    time: datetime
    data: Mapping[str, Any]
    correlation: str | None = None

    @property
    def once(self) -> str:
        """The key under which it is recorded once."""
        return f"{self.source}#{self.id}"


class Receipt(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one intake event; published on ``receipts.<system>.<id>``."""

    outcome: Outcome
    key: str | None = None
    position: int | None = None
    reason: str | None = None
    rule: str | None = None
