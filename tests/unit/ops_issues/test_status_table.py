"""domain.md §2: every row of the table of ops issue statuses."""

from __future__ import annotations

import pytest

from services.ops_issues.domain import events
from services.ops_issues.domain.commands import ReturnToEngineering, UnassignTeam
from services.ops_issues.domain.ops_issue import Closed
from services.ops_issues.domain.rules import Rule
from shared.events import ops
from shared.events.envelope import Body
from shared.events.vocabulary import PRODUCT, Status
from tests.kit.given_when_then import given
from tests.unit.ops_issues.desk import (
    AWAITED,
    CLOSED,
    IN_STATUS,
    OPEN,
    OWNED,
    REOPENED,
    TO_TRIAGE,
    WITH_PRODUCT,
    ask,
    asked,
    assigned,
    claimed,
    finished,
    in_status,
    issue,
    rejected,
    returned,
    unassigned,
)

every_open_status = pytest.mark.parametrize("status", OPEN)
RETURNABLE: tuple[Status, ...] = (
    "Needs Ops Review",
    "Waiting on Info",
    "Ops Ownership",
    "Product Management Ownership",
)
NOT_RETURNABLE: tuple[Status, ...] = ("New", "Engineering Ownership")


@pytest.mark.parametrize("status", IN_STATUS)
def test_each_status_can_be_reached_without_a_claim(status: Status) -> None:
    assert in_status(status).status == status
    assert not in_status(status).has_claims


def test_opened_is_new() -> None:
    assert issue().status == "New"
    assert issue().assigned == issue().claimed == issue().in_review == ()


class TestAssigning:
    @every_open_status
    def test_team_assigned_keeps_the_status_and_joins_teams(self, status: Status) -> None:
        after = in_status(status, assigned("MOB"))

        assert after.status == status
        assert "MOB" in after.assigned

    @every_open_status
    def test_team_unassigned_keeps_the_status_and_leaves_teams(self, status: Status) -> None:
        after = in_status(status, assigned("MOB"), unassigned("MOB"))

        assert after.status == status
        assert "MOB" not in after.assigned

    def test_unassigning_a_claim_drops_it_and_keeps_the_status(self) -> None:
        after = issue(claimed("MOB"), unassigned("MOB", claim_dropped=True))

        assert after.status == "Engineering Ownership"
        assert after.claimed == ()
        assert not after.has_claims

    def test_unassigning_a_claim_needs_a_comment(self) -> None:
        given(issue(claimed("MOB"))).when(ask(UnassignTeam(team="MOB"))).refused(
            Rule.UNASSIGNING_A_CLAIM_NEEDS_A_COMMENT
        )

    def test_unassigning_a_claim_tells_the_team_that_it_is_dropped(self) -> None:
        given(issue(claimed("MOB"))).when(ask(UnassignTeam(team="MOB", comment="Theirs."))).then(
            ops.TeamUnassigned(team="MOB", comment="Theirs.", claim_dropped=True, heard=1)
        )


@every_open_status
class TestByHand:
    def test_ownership_taken(self, status: Status) -> None:
        after = in_status(status, OWNED)

        assert after.status == "Ops Ownership"
        assert after.assignee == "ann"

    def test_info_awaited(self, status: Status) -> None:
        assert in_status(status, AWAITED).status == "Waiting on Info"

    def test_handed_to_product(self, status: Status) -> None:
        after = in_status(status, WITH_PRODUCT)

        assert after.status == "Product Management Ownership"
        assert PRODUCT in after.assigned
        assert after.assignee == "pat"

    def test_returned_to_triage(self, status: Status) -> None:
        assert in_status(status, TO_TRIAGE).status == "New"

    def test_closed_by_operations(self, status: Status) -> None:
        after = in_status(status, CLOSED)

        assert after.status == "Issue is Closed"
        assert isinstance(after.stage, Closed)
        assert after.stage.resolution == "Done"


class TestReturning:
    @pytest.mark.parametrize("status", RETURNABLE)
    def test_from_a_status_that_operations_holds(self, status: Status) -> None:
        given(in_status(status, assigned("MOB"))).when(
            ask(ReturnToEngineering(teams=("MOB",), comment="Please look again."))
        ).then(ops.ReturnedToEngineering(teams=("MOB",), answer="Please look again."))

    @pytest.mark.parametrize("status", NOT_RETURNABLE)
    def test_there_is_nothing_to_return_in_other_statuses(self, status: Status) -> None:
        given(in_status(status, assigned("MOB"))).when(
            ask(ReturnToEngineering(teams=("MOB",), comment="Please look again."))
        ).refused(Rule.NOTHING_TO_RETURN)

    def test_from_any_open_status_while_a_named_teams_question_is_open(self) -> None:
        before = issue(claimed("MOB"), asked("MOB"), TO_TRIAGE)

        assert before.status == "New"
        given(before).when(ask(ReturnToEngineering(teams=("MOB",), comment="17.2"))).then(
            ops.ReturnedToEngineering(teams=("MOB",), answer="17.2", heard=2)
        )

    def test_from_any_open_status_while_a_named_teams_work_is_closed(self) -> None:
        before = issue(claimed("MOB"), claimed("WEB"), finished("MOB"))

        assert before.status == "Engineering Ownership"
        given(before).when(ask(ReturnToEngineering(teams=("MOB",), comment="Not yet."))).then(
            ops.ReturnedToEngineering(teams=("MOB",), answer="Not yet.", reopened=("MOB",), heard=3)
        )

    def test_to_a_team_that_ever_claimed_it_is_engineering_ownership(self) -> None:
        told = (claimed("MOB"), rejected("MOB"), assigned("MOB"), returned("WEB", "MOB"))
        after = issue(assigned("WEB"), *told)

        assert after.status == "Engineering Ownership"
        assert after.claimed == ()

    def test_to_teams_that_never_claimed_it_is_new(self) -> None:
        after = issue(claimed("WEB"), assigned("MOB"), asked("MOB"), returned("MOB"))

        assert after.status == "New"

    def test_a_team_whose_work_was_closed_holds_its_claim_again(self) -> None:
        after = issue(claimed("MOB"), finished("MOB"), returned("MOB", reopened=("MOB",)))

        assert after.claimed == ("MOB",)
        assert after.status == "Engineering Ownership"

    def test_the_named_teams_questions_end_and_no_others(self) -> None:
        questions: tuple[Body, ...] = (assigned("MOB"), asked("MOB"), assigned("WEB"), asked("WEB"))
        after = issue(*questions, returned("MOB"))

        assert after.in_review == ("WEB",)


class TestClaimed:
    @every_open_status
    def test_is_engineering_ownership(self, status: Status) -> None:
        after = in_status(status, claimed("MOB"))

        assert after.status == "Engineering Ownership"
        assert "MOB" in after.assigned
        assert after.claimed == ("MOB",)

    def test_ends_the_teams_own_question(self) -> None:
        after = issue(assigned("MOB"), asked("MOB"), claimed("MOB"))

        assert after.in_review == ()
        assert after.status == "Engineering Ownership"

    def test_does_not_leave_review_while_another_teams_question_is_open(self) -> None:
        after = issue(assigned("WEB"), asked("WEB"), claimed("MOB"))

        assert after.status == "Needs Ops Review"
        assert after.claimed == ("MOB",)

    def test_leaves_other_statuses_though_another_teams_question_is_open(self) -> None:
        after = issue(assigned("WEB"), asked("WEB"), OWNED, claimed("MOB"))

        assert after.status == "Engineering Ownership"
        assert after.in_review == ("WEB",)


class TestRejected:
    @pytest.mark.parametrize("status", ["New", "Needs Ops Review", "Engineering Ownership"])
    def test_without_any_claim_is_new(self, status: Status) -> None:
        after = in_status(status, assigned("MOB"), rejected("MOB"))

        assert after.status == "New"
        assert "MOB" not in after.assigned

    @pytest.mark.parametrize(
        "status", ["Ops Ownership", "Waiting on Info", "Product Management Ownership"]
    )
    def test_without_any_claim_does_not_pull_away_the_work_of_others(self, status: Status) -> None:
        after = in_status(status, assigned("MOB"), rejected("MOB"))

        assert after.status == status
        assert "MOB" not in after.assigned

    @every_open_status
    def test_while_another_team_holds_a_claim_needs_review(self, status: Status) -> None:
        before: tuple[Body, ...] = (claimed("WEB"), assigned("MOB"), *IN_STATUS[status])
        after = issue(*before, rejected("MOB"))

        assert after.status == "Needs Ops Review"
        assert after.claimed == ("WEB",)

    @every_open_status
    def test_of_its_own_claim_needs_review(self, status: Status) -> None:
        after = issue(claimed("MOB"), *IN_STATUS[status], rejected("MOB"))

        assert after.status == "Needs Ops Review"
        assert "MOB" not in after.assigned
        assert after.claimed == ()


class TestSentToReview:
    @every_open_status
    def test_needs_review_and_keeps_the_team(self, status: Status) -> None:
        after = in_status(status, assigned("MOB"), asked("MOB"))

        assert after.status == "Needs Ops Review"
        assert "MOB" in after.assigned
        assert after.in_review == ("MOB",)

    def test_keeps_the_claim(self) -> None:
        assert issue(claimed("MOB"), asked("MOB")).claimed == ("MOB",)


class TestClosedByATeam:
    @every_open_status
    def test_the_last_open_claim_needs_review(self, status: Status) -> None:
        after = issue(claimed("MOB"), *IN_STATUS[status], finished("MOB"))

        assert after.status == "Needs Ops Review"
        assert after.claimed == ()

    @every_open_status
    def test_while_a_claim_is_left_open_keeps_the_status(self, status: Status) -> None:
        before: tuple[Body, ...] = (claimed("WEB"), claimed("MOB"), *IN_STATUS[status])
        after = issue(*before, finished("MOB"))

        assert after.status == issue(*before).status
        assert after.claimed == ("WEB",)

    def test_ends_the_teams_question(self) -> None:
        after = issue(claimed("MOB"), asked("MOB"), finished("MOB"))

        assert after.in_review == ()


class TestReopened:
    def test_needs_review_without_a_resolution(self) -> None:
        after = issue(CLOSED, REOPENED)

        assert after.status == "Needs Ops Review"
        assert not isinstance(after.stage, Closed)

    def test_keeps_assignments_claims_and_open_questions(self) -> None:
        told = (claimed("MOB"), asked("MOB"), assigned("WEB"), CLOSED, REOPENED)
        after = issue(*told)

        assert after.assigned == ("MOB", "WEB")
        assert after.claimed == ("MOB",)
        assert after.in_review == ("MOB",)

    @every_open_status
    def test_only_from_closed(self, status: Status) -> None:
        assert in_status(status, REOPENED).status == status


@pytest.mark.parametrize(
    "late", [claimed("MOB"), rejected("WEB"), asked("WEB"), finished("API")], ids=str
)
def test_any_event_of_engineering_on_a_closed_issue_keeps_it_closed(late: Body) -> None:
    after = issue(assigned("WEB"), claimed("API"), CLOSED, late)

    assert after.status == "Issue is Closed"


@pytest.mark.parametrize(
    "said",
    [OWNED, AWAITED, WITH_PRODUCT, TO_TRIAGE, returned("MOB"), CLOSED, events.Acknowledged()],
    ids=lambda said: said.TYPE,
)
def test_nothing_but_reopening_leaves_closed(said: Body) -> None:
    assert issue(assigned("MOB"), CLOSED, said).status == "Issue is Closed"
