"""What can be asked of an ops issue: the body of each command, over HTTP and through the intake.

A member without a default must be given, whatever the situation. What a situation asks for is a
rule, and the decision's to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from services.ops_issues.domain.events import AwaitedFrom, ContactChannel
from shared.events.intake_ops import EvidenceKind
from shared.events.patterns import END
from shared.events.vocabulary import (
    ClosureCause,
    Institution,
    LinkKind,
    Resolution,
    Severity,
    SourceCase,
    Text,
    Visibility,
)

INSTITUTIONS_MAX: Final = 1_000
TEAMS_MAX: Final = 100
MENTIONS_MAX: Final = 100
"""The most mentions that one comment makes; what a text says beyond them notifies nobody."""

Name = Annotated[str, Meta(pattern=r"\S", max_length=256)]
"""A person's name, as tokens and actors have it."""
Label = Annotated[str, Meta(pattern=r"\S", max_length=256)]
TeamKey = Annotated[str, Meta(pattern=rf"^([A-Z][A-Z0-9]{{0,15}}|Product){END}", examples=["MOB"])]
Target = Annotated[
    str,
    Meta(
        pattern=r"^([A-Z][A-Z0-9]{0,15}-[1-9][0-9]{0,17}|[^\s:]{1,64}:\S[^\n\x00]{0,255})" + END,
        description="A key, or `<system>:<number>` of what lives elsewhere.",
        examples=["OPS-17", "servicenow:INC0010001"],
    ),
]
Phase = Annotated[
    int,
    Meta(
        ge=1,
        le=4,
        description="1: the team's manager; 2: the triage channel; "
        "3: the managers in person; 4: the operations managers.",
    ),
]
Reason = Annotated[
    str,
    Meta(
        pattern=r"\S",
        description="`late-verification` or `correct-resolution`; all else is a new issue.",
        examples=["late-verification", "correct-resolution"],
    ),
]


class Command(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A field that is not known is refused: it is most likely a misspelt one."""


class OpenedFor(SourceCase, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The customer-facing record that the issue stems from."""


class Affected(Institution, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A customer institution that the issue affects."""

    id: Name
    name: Name


class Open(Command, frozen=True, kw_only=True):
    """Open an issue; ``reporter`` is the caller if absent."""

    summary: Text
    severity: Severity
    description: str = ""
    board: str = ""
    product: str = ""
    reporter: Name | None = None
    source_case: OpenedFor | None = None
    institutions: Annotated[tuple[Affected, ...], Meta(max_length=INSTITUTIONS_MAX)] = ()
    prior_issue: Target | None = None


class Acknowledge(Command, frozen=True, kw_only=True):
    """Say that Tier 2 has seen the issue."""


class Amend(Command, frozen=True, kw_only=True):
    """Change what the issue says."""

    summary: Text | None = None
    description: str | None = None
    severity: Severity | None = None


class AssignTeam(Command, frozen=True, kw_only=True):
    """Ask a team to look at the issue."""

    team: TeamKey


class UnassignTeam(Command, frozen=True, kw_only=True):
    """Take a team off the issue; ``comment`` is needed if it holds a claim."""

    team: TeamKey
    comment: str | None = None


class TakeOwnership(Command, frozen=True, kw_only=True):
    """Keep the issue with Tier 2; ``assignee`` is the caller if absent."""

    assignee: Name | None = None


class AwaitInfo(Command, frozen=True, kw_only=True, rename={"awaited_from": "from"}):
    """Wait for information from outside; ``case_number`` is needed from another JHA team."""

    awaited_from: AwaitedFrom
    comment: Text
    case_number: str | None = None


class ContactCustomer(Command, frozen=True, kw_only=True):
    """Record that the customer was asked."""

    channel: ContactChannel
    comment: Text


class CustomerResponded(Command, frozen=True, kw_only=True):
    """Record that the customer answered."""

    comment: str | None = None


class CustomerUpdated(Command, frozen=True, kw_only=True):
    """Record that the customer was told how the issue stands."""

    comment: Text


class ReturnToEngineering(Command, frozen=True, kw_only=True):
    """Answer these teams, and give the issue back to them."""

    teams: Annotated[tuple[TeamKey, ...], Meta(min_length=1, max_length=TEAMS_MAX)]
    comment: Text


class ReturnToTriage(Command, frozen=True, kw_only=True):
    """Put the issue back among the new ones."""

    comment: str | None = None


class HandToProduct(Command, frozen=True, kw_only=True):
    """Hand the issue to Product, because it needs a project."""

    pm: Name
    comment: Text


class Comment(Command, frozen=True, kw_only=True):
    """Comment on the issue; ``captured_from`` names where a discussion elsewhere happened.

    Whom the text names (``@ann``, ``@MOB``) is mentioned; ``mentions`` are others.
    """

    body: Text
    visibility: Visibility
    captured_from: str | None = None
    mentions: Annotated[tuple[Name, ...], Meta(max_length=MENTIONS_MAX)] = ()


class AttachEvidence(Command, frozen=True, kw_only=True):
    """Put evidence on the issue that lasts; ``query`` is what found a log."""

    kind: EvidenceKind
    content: Text
    query: str | None = None


class AddLabel(Command, frozen=True, kw_only=True):
    """Put a label on the issue, for Operations only."""

    label: Label


class RemoveLabel(Command, frozen=True, kw_only=True):
    """Take a label off the issue."""

    label: Label


class AddInstitution(Command, frozen=True, kw_only=True):
    """Record another institution that is affected."""

    id: Name
    name: Name


class Link(Command, frozen=True, kw_only=True):
    """Link the issue to another, here or elsewhere."""

    kind: LinkKind
    to: Target


class Unlink(Command, frozen=True, kw_only=True):
    """Take a link away."""

    kind: LinkKind
    to: Target


class RequestUpdate(Command, frozen=True, kw_only=True):
    """Ask a team how it stands, one step of the ladder after the other."""

    team: TeamKey
    phase: Phase


class Close(Command, frozen=True, kw_only=True):
    """Close the issue; ``duplicate_of`` is needed for a Duplicate.

    ``cause`` is ``mistake`` for Opened by Mistake, else ``resolved``, if absent.
    """

    resolution: Resolution
    comment: Text
    cause: ClosureCause | None = None
    duplicate_of: Target | None = None


class Reopen(Command, frozen=True, kw_only=True):
    """Reopen the issue, for Operations to review."""

    reason: Reason
    comment: Text


CommandName = Literal[
    "acknowledge",
    "amend",
    "assign-team",
    "unassign-team",
    "take-ownership",
    "await-info",
    "contact-customer",
    "customer-responded",
    "customer-updated",
    "return-to-engineering",
    "return-to-triage",
    "hand-to-product",
    "comment",
    "attach-evidence",
    "add-label",
    "remove-label",
    "add-institution",
    "link",
    "unlink",
    "request-update",
    "close",
    "reopen",
]

COMMANDS: Final[Mapping[CommandName, type[Command]]] = {
    "acknowledge": Acknowledge,
    "amend": Amend,
    "assign-team": AssignTeam,
    "unassign-team": UnassignTeam,
    "take-ownership": TakeOwnership,
    "await-info": AwaitInfo,
    "contact-customer": ContactCustomer,
    "customer-responded": CustomerResponded,
    "customer-updated": CustomerUpdated,
    "return-to-engineering": ReturnToEngineering,
    "return-to-triage": ReturnToTriage,
    "hand-to-product": HandToProduct,
    "comment": Comment,
    "attach-evidence": AttachEvidence,
    "add-label": AddLabel,
    "remove-label": RemoveLabel,
    "add-institution": AddInstitution,
    "link": Link,
    "unlink": Unlink,
    "request-update": RequestUpdate,
    "close": Close,
    "reopen": Reopen,
}
"""Every command about an issue that exists, by its public name. ``Open`` makes one."""
