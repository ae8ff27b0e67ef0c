"""Closing and reopening (domain.md §2, §4.14–15)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from services.ops_issues.domain import commands
from services.ops_issues.domain.ops_issue import Closed, Link
from services.ops_issues.domain.rules import Rule
from shared.events import ops
from tests.kit.given_when_then import given
from tests.unit.ops_issues.desk import (
    CLOSED,
    REOPENED,
    ask,
    claimed,
    close,
    desk,
    issue,
)


class TestClose:
    @pytest.mark.parametrize(
        ("resolution", "cause"), [("Done", "resolved"), ("Opened by Mistake", "mistake")]
    )
    def test_the_cause_has_a_default(self, resolution: str, cause: str) -> None:
        at_work = desk()
        at_work.does(close(resolution=resolution))

        assert isinstance(at_work.issue.stage, Closed)
        assert at_work.issue.stage.cause == cause

    def test_a_given_cause_counts(self) -> None:
        given(issue()).when(ask(close(resolution="Cannot Reproduce", cause="non-responsive"))).then(
            ops.Closed(
                resolution="Cannot Reproduce", comment="Fixed.", cause="non-responsive", teams=()
            )
        )

    def test_a_duplicate_names_the_other_issue(self) -> None:
        given(issue()).when(ask(close(resolution="Duplicate"))).refused(
            Rule.DUPLICATE_NAMES_THE_OTHER_ISSUE
        )
        given(issue()).when(ask(close(resolution="Duplicate", duplicate_of="OPS-17"))).refused(
            Rule.NOT_TO_ITSELF
        )

    def test_a_duplicate_is_linked(self) -> None:
        at_work = desk()
        at_work.does(close(resolution="Duplicate", duplicate_of="OPS-4"))

        assert at_work.issue.links == (Link("duplicates", "OPS-4"),)

    def test_only_a_duplicate_names_another_issue(self) -> None:
        given(issue()).when(ask(close(duplicate_of="OPS-4"))).refused(
            Rule.OTHER_ISSUE_IS_FOR_DUPLICATES
        )

    def test_said_twice(self) -> None:
        given(issue(CLOSED)).when(ask(close())).nothing_happened()

    def test_there_is_exactly_one_resolution(self) -> None:
        given(issue(CLOSED)).when(ask(close(resolution="Won't Do"))).refused(Rule.ALREADY_CLOSED)


class TestReopen:
    def test_late_verification_tells_the_teams(self) -> None:
        given(issue(claimed("MOB"), CLOSED)).when(
            ask(commands.Reopen(reason="late-verification", comment="Fails again."))
        ).then(
            ops.Reopened(
                reason="late-verification", comment="Fails again.", teams=("MOB",), heard=1
            )
        )

    def test_correcting_the_resolution_tells_no_team(self) -> None:
        given(issue(claimed("MOB"), CLOSED)).when(
            ask(commands.Reopen(reason="correct-resolution", comment="It was a duplicate."))
        ).then(
            ops.Reopened(
                reason="correct-resolution", comment="It was a duplicate.", teams=(), heard=1
            )
        )

    def test_other_reasons_need_a_new_issue(self) -> None:
        given(issue(CLOSED)).when(
            ask(commands.Reopen(reason="it looks different now", comment="Blue screen."))
        ).refused(Rule.CHANGED_EXPERIENCE_NEEDS_A_NEW_ISSUE)

    def test_a_problem_that_remains_after_a_non_responsive_closure_needs_a_new_issue(self) -> None:
        before = issue(replace(CLOSED, cause="non-responsive"))
        given(before).when(
            ask(commands.Reopen(reason="late-verification", comment="Still there."))
        ).refused(Rule.NON_RESPONSIVE_CLOSURE_NEEDS_A_NEW_ISSUE)

    def test_its_resolution_can_be_corrected(self) -> None:
        at_work = desk(replace(CLOSED, cause="non-responsive"))
        at_work.does(commands.Reopen(reason="correct-resolution", comment="They did answer."))

        assert at_work.issue.status == "Needs Ops Review"

    def test_what_is_open_cannot_be_reopened(self) -> None:
        given(issue()).when(
            ask(commands.Reopen(reason="late-verification", comment="Fails again."))
        ).refused(Rule.NOT_CLOSED)

    def test_said_twice(self) -> None:
        given(issue(CLOSED, REOPENED)).when(
            ask(commands.Reopen(reason="late-verification", comment="Fails again."))
        ).nothing_happened()
