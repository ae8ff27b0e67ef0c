"""Whose turn it is, and asking teams again (domain.md §4.5–7, §4.12)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from services.ops_issues.domain import commands, events
from services.ops_issues.domain.rules import Rule
from shared.events import eng, ops
from shared.events.envelope import Body
from tests.kit.given_when_then import given
from tests.kit.recording import FIRST_DAY
from tests.unit.ops_issues.desk import (
    ANN,
    AWAITED,
    ENGINEER,
    OWNED,
    SERVICENOW,
    WITH_PRODUCT,
    ask,
    asked,
    assigned,
    claimed,
    desk,
    issue,
    progressed,
    returned,
)


class TestTakeOwnership:
    def test_the_caller_is_the_assignee(self) -> None:
        given(issue()).when(ask(commands.TakeOwnership())).then(
            events.OwnershipTaken(assignee="ann")
        )

    def test_or_somebody_else(self) -> None:
        given(issue(OWNED)).when(ask(commands.TakeOwnership(assignee="bob"))).then(
            events.OwnershipTaken(assignee="bob")
        )

    def test_an_assignee_is_required_of_a_system(self) -> None:
        given(issue()).when(ask(commands.TakeOwnership(), SERVICENOW)).refused(
            Rule.OWNERSHIP_NEEDS_AN_ASSIGNEE
        )

    def test_said_twice(self) -> None:
        given(issue(OWNED)).when(ask(commands.TakeOwnership())).nothing_happened()


class TestAwaitInfo:
    def test_says_from_whom_and_what(self) -> None:
        given(issue()).when(ask(commands.AwaitInfo(awaited_from="vendor", comment="A fix."))).then(
            events.InfoAwaited(awaited_from="vendor", comment="A fix.")
        )

    @pytest.mark.parametrize("number", [None, " "])
    def test_another_jha_team_needs_its_case_number(self, number: str | None) -> None:
        command = commands.AwaitInfo(
            awaited_from="internal-jha", comment="A route.", case_number=number
        )
        given(issue()).when(ask(command)).refused(Rule.INTERNAL_JHA_NEEDS_A_CASE_NUMBER)

    def test_another_jha_team_adds_the_label(self) -> None:
        at_work = desk()
        at_work.does(
            commands.AwaitInfo(awaited_from="internal-jha", comment="A route.", case_number="77")
        )

        assert at_work.issue.labels == ("internal JHA member",)
        assert at_work.issue.status == "Waiting on Info"

    def test_said_twice(self) -> None:
        command = commands.AwaitInfo(awaited_from="customer", comment="Which phone?")
        given(issue(AWAITED)).when(ask(command)).nothing_happened()

    def test_another_question_is_asked_and_the_status_stays_since_when_it_was(self) -> None:
        at_work = desk(AWAITED)
        since = at_work.issue.stage.since
        at_work.does(commands.AwaitInfo(awaited_from="customer", comment="Which app version?"))

        assert at_work.issue.stage.since == since
        assert isinstance(at_work.log[-1].data, events.InfoAwaited)

    def test_the_same_question_can_be_asked_again_after_an_answer(self) -> None:
        command = commands.AwaitInfo(awaited_from="customer", comment="Which phone?")
        given(issue(AWAITED, events.CustomerResponded())).when(ask(command)).then(AWAITED)


class TestHandToProduct:
    def test_says_who_and_why(self) -> None:
        given(issue()).when(ask(commands.HandToProduct(pm="pat", comment="Needs a project."))).then(
            WITH_PRODUCT
        )

    def test_said_twice(self) -> None:
        given(issue(WITH_PRODUCT)).when(
            ask(commands.HandToProduct(pm="pat", comment="Needs a project."))
        ).nothing_happened()

    def test_another_note_is_news(self) -> None:
        command = commands.HandToProduct(pm="pat", comment="And soon.")
        given(issue(WITH_PRODUCT)).when(ask(command)).then(
            events.HandedToProduct(pm="pat", comment="And soon.")
        )


class TestReturnToEngineering:
    def test_said_twice(self) -> None:
        command = commands.ReturnToEngineering(teams=("MOB",), comment="Here is the log.")
        before = issue(assigned("MOB"), asked("MOB"), returned("MOB"))
        given(before).when(ask(command)).nothing_happened()

    def test_a_team_named_twice_is_named_once(self) -> None:
        command = commands.ReturnToEngineering(teams=("MOB", "MOB"), comment="17.2")
        given(issue(assigned("MOB"), OWNED)).when(ask(command)).then(
            ops.ReturnedToEngineering(teams=("MOB",), answer="17.2")
        )


class TestRequestUpdate:
    def test_the_phases_keep_their_order(self) -> None:
        asked_once = ops.UpdateRequested(team="MOB", phase=1)
        given(issue(assigned("MOB"))).when(ask(commands.RequestUpdate(team="MOB", phase=1))).then(
            asked_once
        )
        given(issue(assigned("MOB"))).when(
            ask(commands.RequestUpdate(team="MOB", phase=2))
        ).refused(Rule.PHASE_NOT_REACHED)
        later = replace(ANN, at=FIRST_DAY + timedelta(days=1))
        given(issue(assigned("MOB"), asked_once)).when(
            ask(commands.RequestUpdate(team="MOB", phase=2), later)
        ).then(ops.UpdateRequested(team="MOB", phase=2))

    def test_the_next_phase_waits_as_long_as_the_calendar_says(self) -> None:
        soon = replace(
            ANN,
            at=FIRST_DAY + timedelta(hours=2),
            next_phase_at=lambda asked_at: asked_at + timedelta(days=1),
        )
        before = issue(assigned("MOB"), ops.UpdateRequested(team="MOB", phase=1))
        given(before).when(ask(commands.RequestUpdate(team="MOB", phase=2), soon)).refused(
            Rule.PHASE_TOO_EARLY
        )

    @pytest.mark.parametrize("phase", [1, 2])
    def test_said_twice(self, phase: int) -> None:
        before = issue(
            assigned("MOB"),
            ops.UpdateRequested(team="MOB", phase=1),
            ops.UpdateRequested(team="MOB", phase=2),
        )
        given(before).when(ask(commands.RequestUpdate(team="MOB", phase=phase))).nothing_happened()

    @pytest.mark.parametrize(
        "answer",
        [
            asked("MOB"),
            progressed("MOB"),
            claimed("MOB"),
            eng.Commented(team="MOB", comment="On it.", visibility="internal"),
            ops.Commented(
                comment="On it.", visibility="internal", mentions=(), speaks_for=("MOB",)
            ),
        ],
        ids=lambda said: said.TYPE,
    )
    def test_any_comment_or_movement_of_the_team_resets_the_ladder(self, answer: Body) -> None:
        before = issue(claimed("MOB"), ops.UpdateRequested(team="MOB", phase=1), answer)
        given(before).when(ask(commands.RequestUpdate(team="MOB", phase=2))).refused(
            Rule.PHASE_NOT_REACHED
        )

    def test_another_teams_comment_does_not(self) -> None:
        said = eng.Commented(team="WEB", comment="On it.", visibility="internal")
        after = issue(claimed("MOB"), ops.UpdateRequested(team="MOB", phase=1), said)

        assert [facet.phase for facet in after.facets] == [1]

    @pytest.mark.parametrize("teams", [{"MOB"}, {"*"}])
    def test_an_engineers_comment_here_is_the_teams(self, teams: set[str]) -> None:
        at_work = desk(claimed("MOB"), ops.UpdateRequested(team="MOB", phase=1))
        engineer = replace(ENGINEER, speaks_for=frozenset(teams))
        at_work.does(commands.Comment(body="On it.", visibility="internal"), engineer)

        assert at_work.issue.facets[0].phase == 0

    def test_of_a_team_that_is_asked(self) -> None:
        given(issue()).when(ask(commands.RequestUpdate(team="MOB", phase=1))).refused(
            Rule.TEAM_NOT_ASSIGNED
        )
