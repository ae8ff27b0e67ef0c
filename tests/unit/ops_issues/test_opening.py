"""Opening, acknowledging and amending an issue (contract.md §4; domain.md §4.1)."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from services.ops_issues.domain import commands, events
from services.ops_issues.domain.commands import COMMANDS, Affected, Open, OpenedFor
from services.ops_issues.domain.decisions.context import Context
from services.ops_issues.domain.decisions.decide import DECISIONS
from services.ops_issues.domain.decisions.opening import decide_open, refuse_second_issue
from services.ops_issues.domain.ops_issue import Link
from services.ops_issues.domain.own import opened
from services.ops_issues.domain.rules import Rule
from shared.events import ops
from shared.events.vocabulary import Institution, SourceCase
from tests.kit.given_when_then import given
from tests.kit.recording import FIRST_DAY
from tests.unit.ops_issues.desk import (
    ANN,
    ENGINEER,
    KEY,
    OPENED,
    REPORTER,
    SERVICENOW,
    ask,
    asked,
    claimed,
    close,
    desk,
    issue,
)


def test_every_command_has_a_decision() -> None:
    assert set(DECISIONS) == set(COMMANDS.values())


class TestOpen:
    def test_only_summary_and_severity_are_needed(self) -> None:
        command = msgspec.convert({"summary": "Fails", "severity": "4 - Low"}, Open)
        given(command).when(lambda command: decide_open(command, ANN)).then(
            ops.Opened(
                summary="Fails",
                description="",
                severity="4 - Low",
                board="",
                product="",
                reporter="ann",
                institutions=(),
            )
        )

    def test_takes_all_that_is_known(self) -> None:
        command = Open(
            summary="Fails",
            severity="4 - Low",
            description="Again",
            board="Content",
            product="Web",
            reporter="tess",
            source_case=OpenedFor(system="jsource", number="12", owner="lou"),
            institutions=(Affected(id="1", name="One"), Affected(id="1", name="First")),
            prior_issue="OPS-4",
        )
        given(command).when(lambda command: decide_open(command, ANN)).then(
            ops.Opened(
                summary="Fails",
                description="Again",
                severity="4 - Low",
                board="Content",
                product="Web",
                reporter="tess",
                source_case=SourceCase(system="jsource", number="12", owner="lou"),
                institutions=(Institution(id="1", name="First"),),
                prior_issue="OPS-4",
            )
        )

    def test_a_prior_issue_is_linked_as_what_it_follows(self) -> None:
        state = opened(replace(OPENED, prior_issue="OPS-4"), KEY, FIRST_DAY)

        assert state.links == (Link("follows", "OPS-4"),)

    def test_a_second_issue_for_a_source_case_is_refused_with_the_first(self) -> None:
        refusal = refuse_second_issue(SourceCase(system="jsource", number="12"), "OPS-4")

        assert refusal.rule is Rule.SOURCE_CASE_HAS_AN_ISSUE
        assert "OPS-4" in refusal.detail


class TestAcknowledge:
    def test_an_explicit_acknowledgement(self) -> None:
        given(issue()).when(ask(commands.Acknowledge())).then(events.Acknowledged())

    def test_said_twice(self) -> None:
        given(issue(events.Acknowledged())).when(ask(commands.Acknowledge())).nothing_happened()

    @pytest.mark.parametrize(
        "command",
        [
            commands.Acknowledge(),
            commands.AssignTeam(team="MOB"),
            commands.TakeOwnership(),
            commands.Amend(severity="1 - Critical"),
            commands.Comment(body="I look at it.", visibility="internal"),
            commands.AttachEvidence(kind="document", content="A letter."),
            commands.Link(kind="relates", to="OPS-4"),
            close(),
        ],
        ids=lambda command: type(command).__name__,
    )
    def test_the_first_act_of_tier_2_acknowledges(self, command: commands.Command) -> None:
        at_work = desk()
        at_work.does(command)

        assert at_work.issue.acknowledged_at is not None

    @pytest.mark.parametrize("context", [SERVICENOW, ENGINEER, REPORTER], ids=lambda c: c.actor)
    def test_a_comment_of_others_does_not(self, context: Context) -> None:
        at_work = desk()
        at_work.does(commands.Comment(body="Any news?", visibility="public"), context)
        at_work.does(commands.CustomerResponded(), context)

        assert at_work.issue.acknowledged_at is None

    def test_what_another_system_passes_on_does_not(self) -> None:
        at_work = desk()
        at_work.does(commands.Amend(severity="1 - Critical"), SERVICENOW)
        at_work.does(commands.CustomerUpdated(comment="Soon."), SERVICENOW)

        assert at_work.issue.acknowledged_at is None

    def test_an_act_of_engineering_does_not(self) -> None:
        assert issue(claimed("MOB"), asked("MOB")).acknowledged_at is None


class TestAmend:
    def test_only_what_changed_is_said(self) -> None:
        command = commands.Amend(summary="Deposits fail", severity="1 - Critical")
        given(issue()).when(ask(command)).then(ops.Amended(severity="1 - Critical"))

    def test_a_description_can_be_cleared(self) -> None:
        after = issue(ops.Amended(description=""))

        assert after.description == ""
        assert after.summary == "Deposits fail"

    @pytest.mark.parametrize("field", ["summary", "description"])
    def test_an_assignment_could_not_carry_more(self, field: str) -> None:
        def amend(name: str, kib: int) -> commands.Amend:
            return msgspec.convert({name: "x" * kib * 1024}, commands.Amend)

        at_work = desk()
        at_work.does(amend("description" if field == "summary" else "summary", 120))

        given(at_work.issue).when(ask(amend(field, 121))).invalid(field)
        at_work.does(amend(field, 119))

    def test_what_is_too_long_already_can_be_shortened(self) -> None:
        before = issue(ops.Amended(summary="x" * 125 * 1024, description="x" * 125 * 1024))

        shorter = commands.Amend(summary="x" * 124 * 1024)
        given(before).when(ask(shorter)).then(ops.Amended(summary=shorter.summary))

    @pytest.mark.parametrize("command", [commands.Amend(), commands.Amend(summary="Deposits fail")])
    def test_nothing_new(self, command: commands.Amend) -> None:
        given(issue()).when(ask(command)).nothing_happened()
