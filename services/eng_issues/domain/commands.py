"""What people ask of Engineering: the bodies of its HTTP commands.

The constraints here are the ones that the OpenAPI document shows; what depends on the state is a
rule of a decision. The team, the ops issue and the engineering issue are named by the path. What
other trackers ask is in ``shared/events/intake_eng.py``.
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import UNSET, Meta, Struct, UnsetType

from shared.events.patterns import END
from shared.events.vocabulary import Severity, Visibility

TEXT_CHARS_MAX: Final = 128 * 1024
NAME_CHARS_MAX: Final = 256
STATUSES_MAX: Final = 64
DOMAINS_MAX: Final = 256

# Something must be left when spaces are taken away, and PostgreSQL's text knows no NUL.
_NOT_BLANK: Final = r"^[^\x00]*[^\s\x00][^\x00]*$"

TeamKey = Annotated[str, Meta(pattern=rf"^[A-Z][A-Z0-9]{{0,15}}{END}", description="A team's key")]
Text = Annotated[str, Meta(min_length=1, max_length=TEXT_CHARS_MAX, pattern=_NOT_BLANK)]
Name = Annotated[str, Meta(min_length=1, max_length=NAME_CHARS_MAX, pattern=_NOT_BLANK)]
Prose = Annotated[str, Meta(max_length=TEXT_CHARS_MAX, pattern=r"^[^\x00]*$")]
IssueKey = Annotated[
    str,
    Meta(pattern=rf"^[A-Z][A-Z0-9]{{0,15}}-[1-9][0-9]{{0,17}}{END}", description="MOB-3"),
]
Statuses = Annotated[tuple[Name, ...], Meta(min_length=1, max_length=STATUSES_MAX)]


class Command(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all: a member that no command knows is a mistake worth telling."""


class WorkflowBody(Command, frozen=True, kw_only=True):
    """A team's statuses in order, and which of them caselog acts on. All names are the team's."""

    statuses: Statuses
    default: Name
    review: Name
    closed: Statuses


class DefineTeam(Command, frozen=True, kw_only=True):
    """``PUT /teams/{team}``. Without a workflow the team gets the default one."""

    name: Name
    workflow: WorkflowBody | UnsetType = UNSET
    domains: Annotated[tuple[Name, ...], Meta(max_length=DOMAINS_MAX)] = ()
    manager: Name | None = None
    product_manager: Name | None = None
    channel: Name | None = None


class Claim(Command, frozen=True, kw_only=True):
    """The team accepts the ops issue; the comment explains the link if it has an issue already."""

    comment: Text | None = None


class Reject(Command, frozen=True, kw_only=True):
    """The ops issue is not the team's: why, and whose it is (a team, or ``unknown``)."""

    comment: Text
    belongs_to: Name


class SendToReview(Command, frozen=True, kw_only=True):
    """A question to Operations."""

    comment: Text


class Link(Command, frozen=True, kw_only=True):
    """The team's issue that serves this ops issue too."""

    issue: IssueKey


class Unlink(Command, frozen=True, kw_only=True):
    """The issue that was linked by mistake."""

    issue: IssueKey


class CreateIssue(Command, frozen=True, kw_only=True):
    """``POST /issues``: an issue of the team's own."""

    team: TeamKey
    summary: Text
    severity: Severity
    description: Prose = ""


class Move(Command, frozen=True, kw_only=True):
    """Another status of the workflow; review asks for a comment, closed for a resolution too."""

    status: Name
    resolution: Name | None = None
    comment: Text | None = None


class Assign(Command, frozen=True, kw_only=True):
    """Who works on the issue."""

    assignee: Name


class Comment(Command, frozen=True, kw_only=True):
    """A comment for the issue and every ops issue it serves."""

    body: Text
    visibility: Visibility
    captured_from: Text | None = None
