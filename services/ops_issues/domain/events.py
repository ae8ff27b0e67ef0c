"""What Operations records for itself, beside what it publishes (``shared.events.ops``).

The type strings are on disk: written out, never derived, never changed. A field may be added, with
a default; none is removed, renamed or retyped.
"""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from shared.events import eng, ops
from shared.events.envelope import Body, Private
from shared.events.intake_ops import EvidenceKind
from shared.events.vocabulary import LinkKind

AwaitedFrom = Literal["customer", "vendor", "internal-jha", "other"]
ContactChannel = Literal["case-note", "call", "mail", "chat"]

INTERNAL_JHA_LABEL: Final = "internal JHA member"
"""Marks an issue that waits, or waited, for another JHA team."""


class Acknowledged(Private, frozen=True, kw_only=True, omit_defaults=True):
    """Tier 2 says that it has seen the issue; any other first act of Tier 2 says so too."""

    TYPE: ClassVar[str] = "caselog.ops.acknowledged.v1"


class OwnershipTaken(Private, frozen=True, kw_only=True, omit_defaults=True):
    """Tier 2 works on the issue itself.

    Attributes:
        assignee: Name of the person who does.
    """

    TYPE: ClassVar[str] = "caselog.ops.ops-ownership-taken.v1"
    assignee: str


class InfoAwaited(
    Private, frozen=True, kw_only=True, omit_defaults=True, rename={"awaited_from": "from"}
):
    """Operations cannot go on without information from outside.

    From another JHA team it also puts the label ``internal JHA member`` on the issue.

    Attributes:
        awaited_from: From whom.
        comment: What is awaited.
        case_number: The other JHA team's case.
    """

    TYPE: ClassVar[str] = "caselog.ops.info-awaited.v1"
    awaited_from: AwaitedFrom
    comment: str
    case_number: str | None = None


class CustomerContacted(Private, frozen=True, kw_only=True, omit_defaults=True):
    """The customer was asked something, by way of the source case's owner.

    Attributes:
        channel: How.
        comment: What was asked.
        contacted: Name of the source case's owner at the time, if it is known.
    """

    TYPE: ClassVar[str] = "caselog.ops.customer-contacted.v1"
    channel: ContactChannel
    comment: str
    contacted: str | None = None


class CustomerResponded(Private, frozen=True, kw_only=True, omit_defaults=True):
    """The customer answered; what was awaited from the customer no longer is.

    Attributes:
        comment: What the customer said.
    """

    TYPE: ClassVar[str] = "caselog.ops.customer-responded.v1"
    comment: str | None = None


class CustomerUpdated(Private, frozen=True, kw_only=True, omit_defaults=True):
    """The customer was told how the issue stands.

    Attributes:
        comment: What the customer was told.
    """

    TYPE: ClassVar[str] = "caselog.ops.customer-updated.v1"
    comment: str


class ReturnedToTriage(Private, frozen=True, kw_only=True, omit_defaults=True):
    """Tier 2 put the issue back among the new ones.

    Attributes:
        comment: Why.
    """

    TYPE: ClassVar[str] = "caselog.ops.returned-to-triage.v1"
    comment: str | None = None


class HandedToProduct(Private, frozen=True, kw_only=True, omit_defaults=True):
    """A project is needed: Product joins Team(s), and its manager is the assignee.

    Attributes:
        pm: Name of the product manager.
        comment: The note to the product manager.
    """

    TYPE: ClassVar[str] = "caselog.ops.handed-to-product.v1"
    pm: str
    comment: str


class EvidenceAttached(Private, frozen=True, kw_only=True, omit_defaults=True):
    """Evidence that lasts was put on the issue.

    Attributes:
        kind: What it is.
        content: The excerpt, transcript or document itself.
        query: Of a log: the query that found it.
        speaks_for: Whom the one who attached it speaks for: ``Tier 2``, keys of teams.
    """

    TYPE: ClassVar[str] = "caselog.ops.evidence-attached.v1"
    kind: EvidenceKind
    content: str
    query: str | None = None
    speaks_for: tuple[str, ...] = ()


class LabelAdded(Private, frozen=True, kw_only=True, omit_defaults=True):
    """A label was put on the issue. Labels help Operations only.

    Attributes:
        label: The label.
    """

    TYPE: ClassVar[str] = "caselog.ops.label-added.v1"
    label: str


class LabelRemoved(Private, frozen=True, kw_only=True, omit_defaults=True):
    """A label was taken off the issue.

    Attributes:
        label: The label.
    """

    TYPE: ClassVar[str] = "caselog.ops.label-removed.v1"
    label: str


class InstitutionAdded(Private, frozen=True, kw_only=True, omit_defaults=True):
    """Another institution is affected, or one that is known has another name.

    Attributes:
        id: Its id with Operations.
        name: Its name.
    """

    TYPE: ClassVar[str] = "caselog.ops.institution-added.v1"
    id: str
    name: str


class Linked(Private, frozen=True, kw_only=True, omit_defaults=True):
    """Operations linked the issue to another, here or elsewhere.

    Attributes:
        kind: How this issue relates to the other.
        to: The other: a key, or ``<system>:<number>``.
        speaks_for: Whom the one who linked it speaks for: ``Tier 2``, keys of teams.
    """

    TYPE: ClassVar[str] = "caselog.ops.linked.v1"
    kind: LinkKind
    to: str
    speaks_for: tuple[str, ...] = ()


class Unlinked(Private, frozen=True, kw_only=True, omit_defaults=True):
    """A link of Operations was taken away.

    Attributes:
        kind: How this issue related to the other.
        to: The other: a key, or ``<system>:<number>``.
        speaks_for: Whom the one who unlinked it speaks for: ``Tier 2``, keys of teams.
    """

    TYPE: ClassVar[str] = "caselog.ops.unlinked.v1"
    kind: LinkKind
    to: str
    speaks_for: tuple[str, ...] = ()


PRIVATE: tuple[type[Private], ...] = (
    Acknowledged,
    OwnershipTaken,
    InfoAwaited,
    CustomerContacted,
    CustomerResponded,
    CustomerUpdated,
    ReturnedToTriage,
    HandedToProduct,
    EvidenceAttached,
    LabelAdded,
    LabelRemoved,
    InstitutionAdded,
    Linked,
    Unlinked,
)

OWN: tuple[type[Body], ...] = (*ops.PUBLISHED, *PRIVATE)
"""What Operations says itself."""

KNOWN: tuple[type[Body], ...] = (*OWN, *eng.PUBLISHED)
"""Every event that may stand in Operations' log: what its codec reads."""
