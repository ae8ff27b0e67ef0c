"""Roles: who may use a route, and for which teams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from shared.hosting.principal import READS, READS_BOTH, Principal, Role, requires
from shared.hosting.problems import ProblemRaised


def principal(*roles: Role, teams: tuple[str, ...] = ()) -> Principal:
    return Principal("ada", frozenset(roles), frozenset(teams), 0)


def team_of(path: Mapping[str, Any]) -> str:
    return str(path["team"])


@pytest.mark.parametrize("role", Role)
def test_a_role_that_is_not_named_is_refused(role: Role) -> None:
    access = requires(*(set(Role) - {role}))

    with pytest.raises(ProblemRaised) as raised:
        access.check(principal(role), {})

    assert raised.value.problem.status == 403


def test_one_of_several_roles_is_enough() -> None:
    requires(Role.TIER2, Role.MANAGER).check(principal(Role.MANAGER, Role.AUDITOR), {})


def test_no_role_at_all_may_nothing() -> None:
    with pytest.raises(ProblemRaised):
        READS.check(principal(), {})


def test_engineers_act_for_their_own_teams_only() -> None:
    access = requires(Role.ENGINEER, Role.SYSTEM, team=team_of)

    access.check(principal(Role.ENGINEER, teams=("MOB",)), {"team": "MOB"})
    access.check(principal(Role.ENGINEER, teams=("*",)), {"team": "MOB"})
    access.check(principal(Role.SYSTEM), {"team": "MOB"})
    access.check(principal(Role.ENGINEER, Role.SYSTEM), {"team": "MOB"})
    with pytest.raises(ProblemRaised, match="team MOB"):
        access.check(principal(Role.ENGINEER, teams=("WEB",)), {"team": "MOB"})


def test_reporters_read_but_not_both_logs() -> None:
    READS.check(principal(Role.REPORTER), {})
    with pytest.raises(ProblemRaised):
        READS_BOTH.check(principal(Role.REPORTER), {})
