"""Facts that cross on the way: both sides end with the same parts, in Operations' order.

``missed=n`` says that Operations had not heard our last n events on the case when it spoke.
"""

from shared.events import eng
from tests.unit.eng_issues.steps import (
    a_case,
    assigned,
    claim,
    close,
    closed_by_ops,
    define,
    link,
    move,
    opened,
    reject,
    reopened_by_ops,
    returned,
    send_to_review,
    story,
    tracker_claim,
    tracker_closes,
    unassigned,
)


def test_a_claim_that_crosses_an_unassignment_stands() -> None:
    part = story(a_case("MOB"), claim(), unassigned(missed=1)).case().part("MOB")

    assert (part.assigned, part.claim) == (True, "open")


def test_a_claim_that_operations_knew_is_dropped_by_an_unassignment() -> None:
    assert story(a_case("MOB"), claim(), unassigned()).case().part("MOB").claim == "none"


def test_a_claim_made_again_across_an_unassignment_stands() -> None:
    after = story(a_case("MOB"), claim(), reject(), claim(), unassigned(missed=3))

    assert after.case().part("MOB").claim == "open"


def test_work_closed_across_an_unassignment_of_its_claim_has_no_claim_left() -> None:
    after = story(a_case("MOB"), claim(), close("MOB-1"), unassigned(missed=1))

    assert after.case().part("MOB").claim == "none"


def test_a_question_that_crosses_an_unassignment_does_not_count() -> None:
    after = story(a_case("MOB"), send_to_review(), unassigned(missed=1))

    assert not after.case().part("MOB").in_review


def test_a_rejection_that_crosses_a_new_assignment_stands_behind_it() -> None:
    after = story(a_case("MOB"), reject(), unassigned(missed=1), assigned(missed=1))

    assert not after.case().part("MOB").assigned


def test_a_return_that_meets_work_just_closed_is_answered_with_a_claim() -> None:
    after = story(a_case("MOB"), claim(), close("MOB-1"), returned(missed=1))

    claimed, progressed = after.published()[-2:]
    assert claimed == eng.Claimed(team="MOB", issue="MOB-1", origin="reopened")
    assert isinstance(progressed, eng.Progressed)
    assert after.case().part("MOB").claim == "open"
    assert after.issue("MOB-1").status == "To Do"


def test_a_return_of_work_known_to_be_closed_needs_no_answer() -> None:
    after = story(a_case("MOB"), claim(), close("MOB-1"), returned())

    assert not any(
        isinstance(each, eng.Claimed) and each.origin == "reopened" for each in after.published()
    )
    assert after.case().part("MOB").claim == "open"


def test_a_return_is_answered_though_the_team_took_up_and_closed_its_work_again_meanwhile() -> None:
    after = story(
        a_case("MOB"),
        claim(),
        close("MOB-1"),
        move("MOB-1", "In Progress"),
        close("MOB-1"),
        returned(missed=3),
    )

    assert after.case().part("MOB").claim == "open"
    assert eng.Claimed(team="MOB", issue="MOB-1", origin="reopened") == after.published()[-2]


def test_a_return_that_meets_work_closed_elsewhere_is_answered_too() -> None:
    after = story(
        a_case("MOB"), tracker_claim(issue="JIRA-7"), tracker_closes(), returned(missed=1)
    )

    assert after.published()[-1] == eng.Claimed(team="MOB", issue="JIRA-7", origin="reopened")


def test_a_return_that_crosses_a_rejection_moves_nothing() -> None:
    after = story(a_case("MOB"), claim(), reject(), returned(missed=2))

    assert after.issue("MOB-1").status == "Rejected"
    assert after.case().part("MOB").state == "rejected"


def test_a_question_that_crosses_a_return_stays_open() -> None:
    after = story(a_case("MOB"), claim(), send_to_review(), returned(missed=1))

    assert after.case().part("MOB").in_review


def test_a_late_question_does_not_count_after_reopening() -> None:
    after = story(a_case("MOB"), send_to_review(), closed_by_ops(missed=1), reopened_by_ops())

    assert not after.case().part("MOB").in_review


def test_a_question_on_its_way_past_closing_and_reopening_counts() -> None:
    after = story(
        a_case("MOB"), send_to_review(), closed_by_ops(missed=1), reopened_by_ops(missed=1)
    )

    assert after.case().part("MOB").in_review


def test_a_late_claim_counts_after_reopening() -> None:
    after = story(a_case("MOB"), claim(), closed_by_ops(missed=1), reopened_by_ops())

    assert after.case().part("MOB").claim == "open"


def test_a_late_closing_and_a_late_rejection_count_after_reopening() -> None:
    done = story(a_case("MOB"), claim(), close("MOB-1"), closed_by_ops(missed=1), reopened_by_ops())
    gone = story(a_case("MOB"), claim(), reject(), closed_by_ops(missed=1), reopened_by_ops())

    assert done.case().part("MOB").claim == "done"
    assert not gone.case().part("MOB").assigned


def test_a_return_of_one_case_leaves_a_question_on_another_open() -> None:
    after = story(
        a_case("MOB"),
        claim(),
        a_case("MOB", key="OPS-2"),
        link("MOB-1", key="OPS-2"),
        claim(key="OPS-2", comment="Same."),
        move("MOB-1", "Needs Ops Review", comment="Which device?"),
        returned(key="OPS-1"),
    )

    assert after.issue("MOB-1").status == "To Do"
    assert not after.case("OPS-1").part("MOB").in_review
    assert after.case("OPS-2").part("MOB").in_review


def test_what_operations_confirmed_is_not_replayed_again() -> None:
    after = story(a_case("MOB"), claim(), returned(), unassigned(), assigned())

    assert after.case().part("MOB").state == "assigned"
    assert after.case().crossing.in_flight == ()


def test_a_claim_of_a_team_that_was_never_assigned_crosses_its_assignment() -> None:
    after = story(define("MOB"), opened(), claim(), assigned(missed=1))

    assert after.case().part("MOB").state == "claimed"
