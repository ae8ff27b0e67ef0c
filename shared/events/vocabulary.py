"""Values that appear in published events.

The literals are the domain's words, on disk and on the wire.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from shared.events.patterns import END

Text = Annotated[str, Meta(pattern=r"\S")]
"""A text that says something: with at least one character that is not a space."""

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
TIER_2 = "Tier 2"
"""The Operations people who triage every ops issue and own it until it is closed."""
UNKNOWN = "unknown"
"""A valid ``belongs_to`` of a rejection."""


SYSTEM_CHARS_MAX: Final = 64
NUMBER_CHARS_MAX: Final = 256


class SourceCase(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The customer-facing record in another system.

    Attributes:
        system: The other system (``servicenow``), without spaces or colons, because
            ``<system>:<number>`` names the case.
        number: The record's number or name there, unique per ``system``.
        owner: Who looks after the record there.
    """

    system: Annotated[str, Meta(pattern=rf"^[^\s:]{{1,{SYSTEM_CHARS_MAX}}}{END}")]
    number: Annotated[str, Meta(pattern=r"\S", max_length=NUMBER_CHARS_MAX)]
    owner: str | None = None


class Institution(Struct, frozen=True, kw_only=True):
    """A customer institution that an issue affects.

    Attributes:
        id: Its id with Operations.
        name: Its name.
    """

    id: str
    name: str


class Workflow(Struct, frozen=True, kw_only=True):
    """A team's own statuses, and which of them caselog acts on.

    Attributes:
        statuses: All of them, in the team's order.
        default: The status of an issue that is claimed or returned (``To Do``).
        review: The status that asks Operations (``Needs Ops Review``).
        closed: The statuses in which work is done, at least one.
    """

    statuses: tuple[str, ...]
    default: str
    review: str
    closed: tuple[str, ...]
