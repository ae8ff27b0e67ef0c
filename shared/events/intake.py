"""What other systems publish into caselog, and the receipt that each of their events gets."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal

from msgspec import Struct

from shared.events.decision import Invalid

Service = Literal["ops", "eng"]
Outcome = Literal["recorded", "duplicate", "refused"]


class IntakeBody(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What an event of another system says.

    ``TYPE`` is the short name. Unlike in published events, a field that is not known is refused: it
    is most likely a misspelt one, and what it said would be lost. ``ONE_OF`` names fields of which
    exactly one is required.
    """

    TYPE: ClassVar[str] = ""
    ONE_OF: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        if self.ONE_OF and sum(getattr(self, name) is not None for name in self.ONE_OF) != 1:
            names = " or ".join(f"`{name}`" for name in self.ONE_OF)
            raise ValueError(f"Expected either {names}")


class After(Struct, frozen=True):
    """A place in a service's log: the ``position`` that a receipt of it named."""

    service: Service
    position: int


class IntakeEvent(Struct, frozen=True, kw_only=True):
    """One event of another system, whatever way it came, with sound attributes.

    Attributes:
        service: The service it is for.
        system: The publishing system: a subject token, the first segment of ``source``.
        type: The short name (``opened``); whether the service knows it is not checked yet.
        id: The publisher's id, a subject token; with ``source`` it makes the event idempotent.
        source: The publisher, as ``/<system>/…``.
        subject: An issue's key or ``<system>:<number>``; None where the event names none.
        time: When it happened, in UTC, never in the future.
        data: The body: one JSON object, as UTF-8 bytes, not checked against a type yet.
        correlation: The caller's correlation id, if it gave one.
        after: What the publisher had seen when it said this: everything that this log says up to
            there happened before.
    """

    service: Service
    system: str
    type: str
    id: str
    source: str
    subject: str | None
    time: datetime
    data: bytes
    correlation: str | None = None
    after: After | None = None

    @property
    def once(self) -> str:
        """The key under which it is recorded once. Unambiguous, because an id has no ``#``."""
        return f"{self.source}#{self.id}"


class Receipt(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one intake event; published on ``receipts.<system>.<id>``.

    Attributes:
        outcome: ``recorded``, ``duplicate`` (recorded before; nothing was added) or ``refused``.
        key: The issue that the event is about, or that exists already.
        position: The position, in the service's log, of the last event that was recorded for it.
        reason: Why it was refused, for people.
        rule: Why it was refused, for programs: the rule's name.
    """

    outcome: Outcome
    key: str | None = None
    position: int | None = None
    reason: str | None = None
    rule: str | None = None


class Fault(StrEnum):
    """How an intake event can be malformed. Public names: receipts carry them as ``rule``."""

    UNREADABLE = "unreadable"
    """It is not a CloudEvent in a form that is read here (400)."""
    TOO_LARGE = "too-large"
    """It, or a text in it, is larger than a log takes (413)."""
    INVALID = "invalid"
    """It is a CloudEvent, but attributes or fields are missing or wrong (422)."""


class Malformed(Struct, frozen=True, kw_only=True):
    """What came is no event that can be handled, and why.

    Attributes:
        fault: The worst of what is wrong.
        errors: Each attribute or field that is wrong (``data.summary``), and what it must be. What
            is wrong with the message itself names ``content-type``, ``body`` or ``nats-subject``.
        system: The publishing system, where it is known.
        id: The event's id, where it can be part of a receipt's subject. Without ``system`` and
            ``id`` no receipt can be sent.
    """

    fault: Fault
    errors: tuple[Invalid, ...]
    system: str | None = None
    id: str | None = None

    @property
    def reason(self) -> str:
        """All errors in one line, for people."""
        return "; ".join(f"{error.field}: {error.detail}" for error in self.errors)

    def receipt(self) -> Receipt:
        """The receipt that says so."""
        return Receipt(outcome="refused", reason=self.reason, rule=self.fault)
