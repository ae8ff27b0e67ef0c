"""Who asks, and what the roles of the contract let them do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from shared.hosting.problems import ProblemRaised, forbidden

ALL_TEAMS: Final = "*"

TeamOf = Callable[[Mapping[str, Any]], str]
"""Reads, from a route's path parameters, the team that a request speaks for."""


class Role(StrEnum):
    """The roles of the contract. Several may be held at once."""

    REPORTER = "reporter"
    TIER2 = "tier2"
    ENGINEER = "engineer"
    MANAGER = "manager"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Principal:
    """The holder of a valid token, which ``expires`` at that second since 1970."""

    name: str
    roles: frozenset[Role]
    teams: frozenset[str]
    expires: int

    @property
    def actor(self) -> str:
        """How events name them: ``person:<name>``, or ``system:<name>`` with the role system."""
        return f"{'system' if Role.SYSTEM in self.roles else 'person'}:{self.name}"

    def speaks_for(self, team: str) -> bool:
        """Whether the token names that team, or every team."""
        return team in self.teams or ALL_TEAMS in self.teams


@dataclass(frozen=True, slots=True)
class Access:
    """Who may use a route: one of ``roles``; with ``team``, engineers only for teams of theirs."""

    roles: frozenset[Role]
    team: TeamOf | None = None

    def check(self, principal: Principal, path: Mapping[str, Any]) -> None:
        """Raises ProblemRaised (403)."""
        held = principal.roles & self.roles
        if not held:
            allowed = ", ".join(sorted(self.roles))
            raise ProblemRaised(forbidden(f"one of these roles is needed: {allowed}"))
        if self.team is not None and held == {Role.ENGINEER}:
            team = self.team(path)
            if not principal.speaks_for(team):
                raise ProblemRaised(forbidden(f"this token does not speak for team {team}"))

    def guard(self, connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        """The same as a Litestar guard."""
        self.check(connection.user, connection.path_params)


READS: Final = Access(frozenset(Role))
"""What every role may read."""
READS_BOTH: Final = Access(frozenset(Role) - {Role.REPORTER})
"""What only those may read who read both services; their logs, for one."""


def requires(*roles: Role, team: TeamOf | None = None) -> Access:
    """Access for any of these roles."""
    return Access(frozenset(roles), team)
