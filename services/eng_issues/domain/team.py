"""A team and its workflow, as its stream (the team's key) tells."""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct, UnsetType

from services.eng_issues.domain.commands import DefineTeam
from services.eng_issues.domain.events import Said
from shared.events import eng
from shared.events.decision import Accepted, Invalid
from shared.events.vocabulary import Workflow

TEAM_KEY: Final = re.compile(r"[A-Z][A-Z0-9]{0,15}")
OPS: Final = "OPS"
"""The prefix of ops issues; no team can have it."""

DEFAULT_WORKFLOW: Final = Workflow(
    statuses=("To Do", "In Progress", "Needs Ops Review", "Done", "Rejected"),
    default="To Do",
    review="Needs Ops Review",
    closed=("Done", "Rejected"),
)
REJECTED: Final = "Rejected"
"""The resolution of a clone whose last ops issue the team gave up."""


class Team(Struct, frozen=True, kw_only=True):
    """An engineering team."""

    key: str
    name: str
    workflow: Workflow
    domains: tuple[str, ...] = ()
    manager: str | None = None
    product_manager: str | None = None
    channel: str | None = None

    def knows(self, status: str) -> bool:
        return status in self.workflow.statuses

    def is_closed(self, status: str) -> bool:
        return status in self.workflow.closed

    def is_review(self, status: str) -> bool:
        return status == self.workflow.review

    def is_work(self, status: str) -> bool:
        """Neither review nor closed: the team's own affair."""
        return not self.is_review(status) and not self.is_closed(status)

    def closed_status(self, resolution: str) -> str:
        """Where an issue goes that is closed with this resolution and by no one's hand."""
        closed = self.workflow.closed
        return resolution if resolution in closed else closed[0]


def evolve_team(data: eng.TeamDefined) -> Team:
    """A definition replaces the one before."""
    return Team(
        key=data.team,
        name=data.name,
        workflow=data.workflow,
        domains=data.domains,
        manager=data.manager,
        product_manager=data.product_manager,
        channel=data.channel,
    )


def decide_define(command: DefineTeam, key: str, team: Team | None) -> Accepted[Said] | Invalid:
    """The team is as the command says; without a workflow it keeps its own, or gets the default."""
    wrong = _wrong_key(key)
    if wrong:
        return wrong
    if isinstance(command.workflow, UnsetType):
        workflow = team.workflow if team else DEFAULT_WORKFLOW
    else:
        body = command.workflow
        workflow = Workflow(
            statuses=body.statuses, default=body.default, review=body.review, closed=body.closed
        )
    wrong = _wrong_workflow(workflow)
    if wrong:
        return wrong
    defined = eng.TeamDefined(
        team=key,
        name=command.name,
        workflow=workflow,
        domains=command.domains,
        manager=command.manager,
        product_manager=command.product_manager,
        channel=command.channel,
    )
    if evolve_team(defined) == team:
        return Accepted()
    return Accepted((Said(subject=key, data=defined),))


def _wrong_key(key: str) -> Invalid | None:
    if not TEAM_KEY.fullmatch(key):
        return Invalid("team", "must be a capital letter and up to 15 more capitals or digits")
    if key == OPS:
        return Invalid("team", "OPS is the prefix of Operations' own issues")
    return None


def _wrong_workflow(workflow: Workflow) -> Invalid | None:
    """What makes a workflow one that caselog cannot act on."""
    statuses = set(workflow.statuses)
    if len(statuses) < len(workflow.statuses):
        return Invalid("workflow.statuses", "must name each status once")
    if workflow.default not in statuses:
        return Invalid("workflow.default", "must be one of the statuses")
    if workflow.review not in statuses:
        return Invalid(
            "workflow.review", "must be one of the statuses: a team needs one to ask Operations"
        )
    if not workflow.closed or not statuses.issuperset(workflow.closed):
        return Invalid("workflow.closed", "must name one or more of the statuses")
    if workflow.default == workflow.review:
        return Invalid("workflow.review", "must be another status than the default one")
    if {workflow.default, workflow.review} & set(workflow.closed):
        return Invalid("workflow.closed", "must not name the default or the review status")
    return None
