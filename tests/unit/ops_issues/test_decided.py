"""domain.md: every line that begins with **Decided**, on Operations' side."""

from __future__ import annotations

import pytest

from services.ops_issues.domain import commands, events
from services.ops_issues.domain.commands import AssignTeam, ReturnToEngineering, ReturnToTriage
from services.ops_issues.domain.received import APPLIED, DUPLICATE, LATE, Outcome
from services.ops_issues.domain.rules import Rule
from shared.events import eng, ops
from shared.events.envelope import Body
from tests.kit.given_when_then import given
from tests.unit.ops_issues.desk import (
    AWAITED,
    CLOSED,
    OWNED,
    REOPENED,
    TO_TRIAGE,
    WITH_PRODUCT,
    ask,
    asked,
    assigned,
    claimed,
    close,
    desk,
    finished,
    issue,
    progressed,
    rejected,
    returned,
    unassigned,
)


class TestReject:
    """Both hold: unclaimed goes to New, claimed goes to Needs Ops Review."""

    def test_unclaimed_goes_to_new(self) -> None:
        assert issue(assigned("MOB"), rejected("MOB")).status == "New"

    def test_claimed_goes_to_review(self) -> None:
        assert issue(claimed("MOB"), rejected("MOB")).status == "Needs Ops Review"

    @pytest.mark.parametrize("held", [OWNED, AWAITED, WITH_PRODUCT], ids=lambda said: said.TYPE)
    def test_work_held_elsewhere_is_not_pulled_away_by_a_team_that_never_claimed(
        self, held: Body
    ) -> None:
        assert issue(assigned("MOB"), held, rejected("MOB")).status == issue(held).status


class TestSeveralTeams:
    """One team's close does not end another team's work."""

    def test_the_status_waits_for_the_last_open_claim(self) -> None:
        first = issue(claimed("MOB"), claimed("WEB"), finished("MOB"))
        last = issue(claimed("MOB"), claimed("WEB"), finished("MOB"), finished("WEB"))

        assert first.status == "Engineering Ownership"
        assert last.status == "Needs Ops Review"


def test_a_team_that_is_not_in_teams_may_claim_and_joins_them() -> None:
    after = issue(claimed("MOB"))

    assert after.assigned == after.claimed == ("MOB",)


class TestClosingWhileTeamsStillWork:
    """Allowed; the teams are told, nothing is moved for them."""

    def test_is_accepted_and_names_the_teams(self) -> None:
        given(issue(claimed("MOB"), assigned("WEB"))).when(ask(close())).then(
            ops.Closed(
                resolution="Done",
                comment="Fixed.",
                cause="resolved",
                teams=("MOB", "WEB"),
                heard=1,
            )
        )

    def test_keeps_their_claims(self) -> None:
        assert issue(claimed("MOB"), CLOSED).claimed == ("MOB",)


class TestOpenQuestions:
    """A team's question ends when Operations returns the issue to it, or by the team's own act."""

    @pytest.mark.parametrize(
        "end",
        [returned("MOB"), claimed("MOB"), finished("MOB"), rejected("MOB"), unassigned("MOB")],
        ids=lambda said: said.TYPE,
    )
    def test_it_ends(self, end: Body) -> None:
        assert issue(claimed("MOB"), asked("MOB"), end).in_review == ()

    def test_a_move_of_the_teams_own_issue_back_to_work_does_not_end_it(self) -> None:
        assert issue(claimed("MOB"), asked("MOB"), progressed("MOB")).in_review == ("MOB",)

    def test_it_survives_closing_and_reopening(self) -> None:
        assert issue(claimed("MOB"), asked("MOB"), CLOSED, REOPENED).in_review == ("MOB",)

    def test_it_survives_work_elsewhere(self) -> None:
        assert issue(claimed("MOB"), asked("MOB"), OWNED, AWAITED).in_review == ("MOB",)


class TestClaimsAndRejection:
    def test_a_claim_whose_work_is_closed_still_counts_as_a_claim_by_anyone(self) -> None:
        told = (claimed("WEB"), finished("WEB"), assigned("MOB"), TO_TRIAGE)
        after = issue(*told, rejected("MOB"))

        assert after.status == "Needs Ops Review"

    def test_in_engineering_ownership_with_no_claim_left_goes_to_new(self) -> None:
        told = (claimed("WEB"), assigned("MOB"), unassigned("WEB", claim_dropped=True))

        assert issue(*told).status == "Engineering Ownership"
        assert issue(*told, rejected("MOB")).status == "New"

    def test_in_new_while_another_team_holds_a_claim_goes_to_review(self) -> None:
        told = (claimed("WEB"), assigned("MOB"), TO_TRIAGE)

        assert issue(*told).status == "New"
        assert issue(*told, rejected("MOB")).status == "Needs Ops Review"


class TestSayingAThingTwice:
    """It is accepted, changes nothing and adds no event."""

    def test_assigning_an_assigned_team(self) -> None:
        given(issue(assigned("MOB"))).when(ask(AssignTeam(team="MOB"))).nothing_happened()

    @pytest.mark.parametrize("before", [(), (assigned("MOB"), rejected("MOB"))], ids=len)
    def test_unassigning_an_absent_team(self, before: tuple[Body, ...]) -> None:
        given(issue(*before)).when(ask(commands.UnassignTeam(team="MOB"))).nothing_happened()

    def test_returning_to_triage_what_is_new(self) -> None:
        given(issue()).when(ask(ReturnToTriage())).nothing_happened()

    def test_linking_what_is_linked(self) -> None:
        linked = events.Linked(kind="relates", to="OPS-4")
        given(issue(linked)).when(ask(commands.Link(kind="relates", to="OPS-4"))).nothing_happened()

    def test_linking_what_engineering_linked(self) -> None:
        given(issue(claimed("MOB"))).when(
            ask(commands.Link(kind="tracks", to="MOB-3"))
        ).nothing_happened()

    def test_asking_again_is_a_duplicate_where_it_is_received(self) -> None:
        at_work = desk(assigned("MOB"), asked("MOB"))

        assert at_work.hears(asked("MOB")) == DUPLICATE

    def test_claiming_again_is_a_duplicate_where_it_is_received(self) -> None:
        at_work = desk(claimed("MOB"))

        assert at_work.hears(claimed("MOB")) == DUPLICATE


class TestOnAClosedIssue:
    @pytest.mark.parametrize(
        "command",
        [
            commands.Comment(body="Still fails.", visibility="internal"),
            commands.AttachEvidence(kind="document", content="A letter."),
            commands.Link(kind="relates", to="OPS-4"),
        ],
        ids=lambda command: type(command).__name__,
    )
    def test_comments_evidence_and_links_are_accepted(self, command: commands.Command) -> None:
        at_work = desk(CLOSED)
        before = len(at_work.log)
        at_work.does(command)

        assert len(at_work.log) == before + 1
        assert at_work.issue.is_closed

    @pytest.mark.parametrize(
        "command",
        [
            commands.Acknowledge(),
            commands.Amend(summary="Other"),
            commands.AssignTeam(team="MOB"),
            commands.UnassignTeam(team="MOB"),
            commands.TakeOwnership(),
            commands.AwaitInfo(awaited_from="vendor", comment="A fix."),
            commands.ContactCustomer(channel="call", comment="Still there?"),
            commands.CustomerResponded(),
            commands.CustomerUpdated(comment="Soon."),
            commands.ReturnToEngineering(teams=("MOB",), comment="Yours."),
            commands.ReturnToTriage(),
            commands.HandToProduct(pm="pat", comment="A project."),
            commands.AddLabel(label="vip"),
            commands.RemoveLabel(label="vip"),
            commands.AddInstitution(id="1", name="First Bank"),
            commands.RequestUpdate(team="MOB", phase=1),
        ],
        ids=lambda command: type(command).__name__,
    )
    def test_everything_else_is_refused_until_it_is_reopened(
        self, command: commands.Command
    ) -> None:
        given(issue(assigned("MOB"), CLOSED)).when(ask(command)).refused(Rule.ISSUE_IS_CLOSED)

    def test_what_crosses_the_closing_arrives_late_and_counts_when_reopened(self) -> None:
        at_work = desk(assigned("WEB"), CLOSED)

        assert at_work.hears(claimed("MOB")) == LATE
        assert at_work.hears(rejected("WEB")) == LATE
        assert at_work.issue.is_closed

        at_work.does(commands.Reopen(reason="late-verification", comment="Fails again."))
        assert at_work.issue.status == "Needs Ops Review"
        assert at_work.issue.claimed == at_work.issue.assigned == ("MOB",)

    def test_closing_engineering_work_counts_when_reopened(self) -> None:
        at_work = desk(claimed("MOB"), CLOSED)

        assert at_work.hears(finished("MOB")) == LATE
        assert issue(claimed("MOB"), CLOSED, finished("MOB"), REOPENED).claimed == ()

    def test_a_late_question_does_not_count_after_reopening(self) -> None:
        at_work = desk(claimed("MOB"), CLOSED)

        assert at_work.hears(asked("MOB")) == LATE
        assert issue(claimed("MOB"), CLOSED, asked("MOB"), REOPENED).in_review == ()

    @pytest.mark.parametrize(
        "late",
        [
            progressed("MOB"),
            eng.Commented(team="MOB", comment="Deployed.", visibility="internal"),
            eng.Linked(team="MOB", issue="MOB-3"),
            eng.Unlinked(team="MOB", issue="MOB-9"),
        ],
        ids=lambda said: said.TYPE,
    )
    def test_any_other_event_is_late_as_well(self, late: Body) -> None:
        assert desk(claimed("MOB"), CLOSED).hears(late) == LATE


class TestReturning:
    def test_needs_every_named_team_in_teams(self) -> None:
        before = issue(assigned("MOB"), asked("MOB"))
        given(before).when(ask(ReturnToEngineering(teams=("MOB", "WEB"), comment="17.2"))).refused(
            Rule.TEAM_NOT_ASSIGNED
        )


class TestCrossings:
    def test_a_return_that_meets_work_just_closed_is_healed_by_a_claim(self) -> None:
        crossed = (claimed("MOB"), asked("MOB"), returned("MOB"), finished("MOB"))
        assert issue(*crossed).claimed == ()

        healed = issue(*crossed, eng.Claimed(team="MOB", issue="MOB-3", origin="reopened"))
        assert healed.claimed == ("MOB",)
        assert healed.status == "Engineering Ownership"

    def test_a_claim_that_crosses_an_unassignment_stands(self) -> None:
        at_work = desk(assigned("MOB"), unassigned("MOB"))

        assert at_work.hears(claimed("MOB")) == APPLIED
        assert at_work.issue.assigned == at_work.issue.claimed == ("MOB",)

    def test_a_rejection_that_crosses_an_unassignment_has_no_effect(self) -> None:
        at_work = desk(assigned("MOB"), unassigned("MOB"))

        assert at_work.hears(rejected("MOB")) == Outcome("no-effect", Rule.TEAM_NOT_ASSIGNED)

    def test_a_question_that_crosses_an_unassignment_is_seen_but_not_open(self) -> None:
        at_work = desk(claimed("MOB"), unassigned("MOB", claim_dropped=True))

        assert at_work.hears(asked("MOB")) == APPLIED
        assert at_work.issue.status == "Needs Ops Review"
        assert at_work.issue.in_review == ()

    def test_a_closing_that_crosses_an_unassignment_is_seen(self) -> None:
        at_work = desk(claimed("MOB"), unassigned("MOB", claim_dropped=True))

        assert at_work.hears(finished("MOB")) == APPLIED
        assert at_work.issue.status == "Needs Ops Review"
        assert at_work.hears(finished("MOB")) == Outcome("no-effect", Rule.TEAM_HOLDS_NO_CLAIM)


class TestRequiredBySituation:
    """A comment that a rule requires only in some situations is a rule: 409 and the rule's name."""

    @pytest.mark.parametrize("comment", [None, "", "  "])
    def test_a_blank_comment_is_no_comment(self, comment: str | None) -> None:
        given(issue(claimed("MOB"))).when(
            ask(commands.UnassignTeam(team="MOB", comment=comment))
        ).refused(Rule.UNASSIGNING_A_CLAIM_NEEDS_A_COMMENT)

    def test_it_is_not_required_where_there_is_no_claim(self) -> None:
        given(issue(assigned("MOB"))).when(ask(commands.UnassignTeam(team="MOB"))).then(
            ops.TeamUnassigned(team="MOB")
        )


class TestTeams:
    def test_an_unknown_team_is_a_wrong_field(self) -> None:
        given(issue()).when(ask(AssignTeam(team="NOPE"))).invalid("team")

    def test_product_is_always_known(self) -> None:
        at_work = desk()
        at_work.does(AssignTeam(team="Product"))

        assert at_work.issue.assigned == ("Product",)

    def test_an_assignment_carries_what_a_team_needs_to_act_on_it_alone(self) -> None:
        before = issue(claimed("WEB"), ops.Amended(severity="1 - Critical"))
        given(before).when(ask(AssignTeam(team="MOB"))).then(
            ops.TeamAssigned(
                team="MOB",
                summary="Deposits fail",
                description="Since nine o'clock.",
                severity="1 - Critical",
                heard=1,
            )
        )
