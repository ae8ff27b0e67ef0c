"""Moving an engineering issue by hand."""

import pytest

from services.eng_issues.domain.events import IssueMoved, Said
from services.eng_issues.domain.rules import Rule
from shared.events import eng
from tests.kit.given_when_then import given
from tests.unit.eng_issues.engineering import Step
from tests.unit.eng_issues.steps import (
    a_case,
    claim,
    close,
    closed_by_ops,
    create,
    define,
    link,
    move,
    opened,
    returned,
    send_to_review,
    story,
)

SHARED: tuple[Step, ...] = (
    a_case("MOB"),
    claim(),
    a_case("MOB", key="OPS-2"),
    link("MOB-1", key="OPS-2"),
    claim(key="OPS-2", comment="The same bug."),
)
"""MOB-1 serves OPS-1 and OPS-2, and the team holds a claim on both."""


def moved(
    before: str, after: str, resolution: str | None = None, comment: str | None = None
) -> Said:
    body = IssueMoved(
        from_status=before,
        to_status=after,
        origin="hand",
        resolution=resolution,
        comment=comment,
    )
    return Said(subject="MOB-1", data=body)


def progressed(before: str, after: str, key: str = "OPS-1") -> Said:
    body = eng.Progressed(team="MOB", issue="MOB-1", from_status=before, to_status=after)
    return Said(subject=key, data=body)


def question(key: str) -> Said:
    body = eng.SentToReview(team="MOB", issue="MOB-1", comment="Which device?")
    return Said(subject=key, data=body)


def done(key: str) -> Said:
    body = eng.Closed(team="MOB", issue="MOB-1", resolution="Fixed", comment="Shipped in 4.2.")
    return Said(subject=key, data=body)


def to_review(issue: str = "MOB-1") -> Step:
    return move(issue, "Needs Ops Review", comment="Which device?")


def test_moving_to_review_asks_on_each_linked_ops_issue() -> None:
    given(story(*SHARED)).when(move("MOB-1", "Needs Ops Review", comment="Which device?")).then(
        moved("To Do", "Needs Ops Review", comment="Which device?"),
        question("OPS-1"),
        question("OPS-2"),
    )


def test_moving_to_review_needs_a_comment() -> None:
    given(story(*SHARED)).when(move("MOB-1", "Needs Ops Review")).refused(
        Rule.REVIEW_NEEDS_A_COMMENT
    )


def test_moving_to_closed_says_closed_on_each_linked_ops_issue() -> None:
    given(story(*SHARED)).when(close("MOB-1")).then(
        moved("To Do", "Done", "Fixed", "Shipped in 4.2."), done("OPS-1"), done("OPS-2")
    )


@pytest.mark.parametrize(
    ("resolution", "comment", "rule"),
    [
        (None, "Shipped.", Rule.CLOSING_NEEDS_A_RESOLUTION),
        ("Fixed", None, Rule.CLOSING_NEEDS_A_COMMENT),
    ],
)
def test_moving_to_closed_needs_a_resolution_and_a_comment(
    resolution: str | None, comment: str | None, rule: Rule
) -> None:
    given(story(*SHARED)).when(
        move("MOB-1", "Done", resolution=resolution, comment=comment)
    ).refused(rule)


def test_any_other_move_is_progress_on_each_linked_ops_issue() -> None:
    given(story(*SHARED)).when(move("MOB-1", "In Progress")).then(
        moved("To Do", "In Progress"),
        progressed("To Do", "In Progress"),
        progressed("To Do", "In Progress", "OPS-2"),
    )


def test_moving_to_the_status_it_has_adds_nothing() -> None:
    given(story(*SHARED)).when(move("MOB-1", "To Do")).nothing_happened()
    given(story(*SHARED, close("MOB-1"))).when(move("MOB-1", "Done")).nothing_happened()
    asking = story(*SHARED, send_to_review())
    given(asking).when(move("MOB-1", "Needs Ops Review")).nothing_happened()


def test_a_status_that_the_workflow_does_not_have_is_a_wrong_field() -> None:
    given(story(*SHARED)).when(move("MOB-1", "Parked")).invalid("status")


def test_an_issue_of_the_team_s_own_moves_and_tells_nobody() -> None:
    given(story(define("MOB"), create())).when(close("MOB-1")).then(
        moved("To Do", "Done", "Fixed", "Shipped in 4.2.")
    )


def test_on_an_ops_issue_without_a_claim_review_and_closing_are_progress() -> None:
    linked = story(a_case("MOB"), create(), link("MOB-1"))

    given(linked).when(move("MOB-1", "Needs Ops Review", comment="Which device?")).then(
        moved("To Do", "Needs Ops Review", comment="Which device?"),
        progressed("To Do", "Needs Ops Review"),
    )
    given(linked).when(close("MOB-1")).then(
        moved("To Do", "Done", "Fixed", "Shipped in 4.2."), progressed("To Do", "Done")
    )


def test_a_question_is_not_asked_on_a_closed_ops_issue() -> None:
    closed = story(*SHARED, closed_by_ops("OPS-2"))

    given(closed).when(move("MOB-1", "Needs Ops Review", comment="Which device?")).then(
        moved("To Do", "Needs Ops Review", comment="Which device?"),
        question("OPS-1"),
        progressed("To Do", "Needs Ops Review", "OPS-2"),
    )


def test_closing_work_says_closed_on_a_closed_ops_issue_too() -> None:
    given(story(*SHARED, closed_by_ops("OPS-2"))).when(close("MOB-1")).then(
        moved("To Do", "Done", "Fixed", "Shipped in 4.2."), done("OPS-1"), done("OPS-2")
    )


def test_moving_to_review_asks_where_no_question_is_open_and_repeats_none() -> None:
    asked_on_one = story(*SHARED, send_to_review(), move("MOB-1", "In Progress"))

    given(asked_on_one).when(move("MOB-1", "Needs Ops Review", comment="Which device?")).then(
        moved("In Progress", "Needs Ops Review", comment="Which device?"),
        progressed("In Progress", "Needs Ops Review"),
        question("OPS-2"),
    )


def test_moving_closed_work_to_another_closed_status_is_progress() -> None:
    given(story(*SHARED, close("MOB-1"))).when(
        move("MOB-1", "Rejected", resolution="Won't fix", comment="Not worth it.")
    ).then(
        moved("Done", "Rejected", "Won't fix", "Not worth it."),
        progressed("Done", "Rejected"),
        progressed("Done", "Rejected", "OPS-2"),
    )


def test_moving_closed_work_to_review_is_progress_and_the_work_stays_closed() -> None:
    closed = story(*SHARED, close("MOB-1"))

    given(closed).when(move("MOB-1", "Needs Ops Review", comment="Really?")).then(
        moved("Done", "Needs Ops Review", "Fixed", "Really?"),
        progressed("Done", "Needs Ops Review"),
        progressed("Done", "Needs Ops Review", "OPS-2"),
    )


@pytest.mark.parametrize("way", [(), (move("MOB-1", "Needs Ops Review", comment="Really?"),)])
def test_taking_up_closed_work_claims_again(way: tuple[Step, ...]) -> None:
    after = story(*SHARED, close("MOB-1"), *way, move("MOB-1", "In Progress"))

    for key in ("OPS-1", "OPS-2"):
        claimed, progress = after.published(key)[-2:]
        assert claimed == eng.Claimed(team="MOB", issue="MOB-1", origin="reopened")
        assert isinstance(progress, eng.Progressed)
        assert after.case(key).part("MOB").claim == "open"
    assert after.issue("MOB-1").resolution is None


def test_work_that_was_taken_up_again_can_be_closed_again() -> None:
    after = story(*SHARED, close("MOB-1"), move("MOB-1", "In Progress"), close("MOB-1"))

    assert after.published("OPS-2")[-1] == done("OPS-2").data


def test_taking_up_work_on_a_closed_ops_issue_is_said_there_too() -> None:
    after = story(*SHARED, close("MOB-1"), closed_by_ops("OPS-2"), move("MOB-1", "In Progress"))

    assert after.case("OPS-2").part("MOB").claim == "open"


def test_work_returned_on_one_case_stays_done_on_the_other_whatever_the_issue_does() -> None:
    after = story(*SHARED, close("MOB-1"), returned(key="OPS-1"), move("MOB-1", "In Progress"))

    assert after.case("OPS-1").part("MOB").state == "claimed"
    assert after.case("OPS-2").part("MOB").state == "done"


def test_closing_again_speaks_only_where_the_claim_is_open() -> None:
    reopened_on_one = story(*SHARED, close("MOB-1"), returned(key="OPS-1"))

    given(reopened_on_one).when(close("MOB-1")).then(
        moved("To Do", "Done", "Fixed", "Shipped in 4.2."),
        done("OPS-1"),
        progressed("To Do", "Done", "OPS-2"),
    )


def test_closing_ends_the_team_s_question() -> None:
    after = story(a_case("MOB"), claim(), send_to_review(), close("MOB-1"))

    assert after.case().part("MOB").state == "done"


def test_the_resolution_is_on_the_engineering_issue_until_work_goes_on() -> None:
    closed = story(a_case("MOB"), claim(), close("MOB-1"))

    assert closed.issue("MOB-1").resolution == "Fixed"
    assert story(a_case("MOB"), claim(), to_review()).issue("MOB-1").resolution is None


def test_a_claimless_link_follows_an_issue_back_to_work_without_a_claim() -> None:
    after = story(
        define("MOB"), create(), close("MOB-1"), opened(), link("MOB-1"), move("MOB-1", "To Do")
    )

    assert after.case().part("MOB").claim == "none"
