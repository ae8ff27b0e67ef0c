"""What a decision is told beside the command and the issue. All of it comes in as values."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from msgspec import Struct

from services.ops_issues.domain.ops_issue import OpsIssue
from services.ops_issues.domain.rules import Rule
from shared.events.decision import Accepted, Invalid, Refused
from shared.events.envelope import Body
from shared.events.vocabulary import TIER_2

Decision = Accepted[Body] | Refused | Invalid

EVERY_TEAM: Final = "*"
"""Among ``speaks_for``: every team that has to do with the issue."""


def at_once(asked_at: datetime) -> datetime:
    """No wait between the phases of the ladder; they only keep their order."""
    return asked_at


class Context(Struct, frozen=True, kw_only=True):
    """Who gives the command, when, and what is known around the issue.

    Attributes:
        actor: ``person:<name>`` or ``system:<name>``.
        at: When it happens.
        is_tier_2: Whether the actor acts for Tier 2.
        speaks_for: Keys of the teams that the actor speaks for, or ``EVERY_TEAM``.
        known_teams: Those teams of the command that Engineering has defined.
        next_phase_at: When the next phase of the ladder may be asked, of when the last one was.
    """

    actor: str
    at: datetime
    is_tier_2: bool = False
    speaks_for: frozenset[str] = frozenset()
    known_teams: frozenset[str] = frozenset()
    next_phase_at: Callable[[datetime], datetime] = at_once

    @property
    def name(self) -> str:
        """The actor's bare name."""
        return self.actor.partition(":")[2]

    @property
    def is_person(self) -> bool:
        return self.actor.startswith("person:")


def speaking(context: Context, issue: OpsIssue) -> tuple[str, ...]:
    """Whom the actor speaks for on this issue, as events say it."""
    everyone = EVERY_TEAM in context.speaks_for
    teams = [f.team for f in issue.facets if everyone or f.team in context.speaks_for]
    return (TIER_2, *teams) if context.is_tier_2 else tuple(teams)


def said(text: str | None) -> str | None:
    """An optional text that says something; None for a blank one."""
    return text if text is not None and text.strip() else None


def accepted(*events: Body) -> Accepted[Body]:
    return Accepted(events)


def team_not_assigned(team: str) -> Refused:
    return Refused(Rule.TEAM_NOT_ASSIGNED, f"{team} is not in Team(s): assign it first")
