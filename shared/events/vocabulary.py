"""Values that appear in published events. The literals are the domain's words, on disk and on the wire."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Severity = Literal["1 - Critical", "2 - High", "3 - Moderate", "4 - Low"]
Status = Literal[
    "New",
    "Ops Ownership",
    "Engineering Ownership",
    "Waiting on Info",
    "Needs Ops Review",
    "Product Management Ownership",
    "Issue is Closed",
]
Resolution = Literal[
    "Done",
    "Working as Intended",
    "Won't Do",
    "Duplicate",
    "Cannot Reproduce",
    "Opened by Mistake",
    "Configuration Issue",
    "Needs Project to Fix",
]
ClosureCause = Literal["resolved", "non-responsive", "mistake"]
ReopenReason = Literal["late-verification", "correct-resolution"]
ClaimOrigin = Literal["cloned", "linked", "reopened"]
Visibility = Literal["internal", "public"]
LinkKind = Literal["tracks", "blocks", "is blocked by", "duplicates", "follows", "relates"]

PRODUCT = "Product"
"""The one team that Operations always knows: handing to Product puts it into Team(s)."""
UNKNOWN = "unknown"
"""A valid ``belongs_to`` of a rejection."""


class SourceCase(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The customer-facing record in another system; ``number`` is unique per ``system``."""

    system: str
    number: str
    owner: str | None = None


class Institution(Struct, frozen=True, kw_only=True):
    """A customer institution that an issue affects."""

    id: str
    name: str


class Workflow(Struct, frozen=True, kw_only=True):
    """A team's own statuses, and which of them caselog acts on."""

    statuses: tuple[str, ...]
    default: str
    review: str
    closed: tuple[str, ...]
