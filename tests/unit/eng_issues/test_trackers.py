"""A team whose tracker lives elsewhere: closed and progressed through the intake."""

from services.eng_issues.domain.events import IssueMoved, Said
from services.eng_issues.domain.rules import Rule
from shared.events import eng
from tests.kit.given_when_then import given
from tests.unit.eng_issues.steps import (
    a_case,
    claim,
    closed_by_ops,
    create,
    link,
    returned,
    story,
    tracker_claim,
    tracker_closes,
    tracker_moves,
)

ELSEWHERE = (a_case("MOB"), tracker_claim(issue="JIRA-7"))
CLONED = (a_case("MOB"), tracker_claim())


def closed(issue: str, key: str = "OPS-1") -> Said:
    body = eng.Closed(team="MOB", issue=issue, resolution="Done", comment="Shipped in 4.2.")
    return Said(subject=key, data=body)


def test_work_on_a_key_that_is_not_on_our_boards_is_closed() -> None:
    given(story(*ELSEWHERE)).when(tracker_closes(issue="JIRA-7")).then(closed("JIRA-7"))


def test_a_closing_that_names_no_issue_is_about_the_linked_one() -> None:
    given(story(*ELSEWHERE)).when(tracker_closes()).then(closed("JIRA-7"))


def test_closing_work_moves_the_issue_that_was_cloned_for_it() -> None:
    given(story(*CLONED)).when(tracker_closes()).then(
        closed("MOB-1"),
        Said(
            subject="MOB-1",
            data=IssueMoved(
                from_status="To Do",
                to_status="Done",
                origin="tracker",
                resolution="Done",
                comment="Shipped in 4.2.",
                ops_issue="OPS-1",
            ),
        ),
    )


def test_the_closed_status_is_the_one_named_as_the_resolution_or_the_first() -> None:
    assert story(*CLONED, tracker_closes(resolution="Fixed")).issue("MOB-1").status == "Done"
    rejected = story(*CLONED, tracker_closes(resolution="Rejected"))
    assert rejected.issue("MOB-1").status == "Rejected"


def test_a_closing_of_one_case_leaves_the_work_on_another_open() -> None:
    shared = story(
        *CLONED,
        a_case("MOB", key="OPS-2"),
        link("MOB-1", key="OPS-2"),
        claim(key="OPS-2", comment="Same."),
    )

    given(shared).when(tracker_closes()).then(closed("MOB-1"))


def test_the_shared_issue_closes_with_the_last_open_claim() -> None:
    after = story(
        *CLONED,
        a_case("MOB", key="OPS-2"),
        link("MOB-1", key="OPS-2"),
        claim(key="OPS-2", comment="Same."),
        tracker_closes(),
        tracker_closes(key="OPS-2"),
    )

    assert after.issue("MOB-1").status == "Done"
    assert after.published("OPS-1")[-1] == eng.Progressed(
        team="MOB", issue="MOB-1", from_status="To Do", to_status="Done"
    )


def test_closing_what_is_closed_adds_nothing() -> None:
    given(story(*CLONED, tracker_closes())).when(tracker_closes()).nothing_happened()


def test_work_on_a_closed_ops_issue_is_closed_as_well() -> None:
    given(story(*ELSEWHERE, closed_by_ops())).when(tracker_closes()).then(closed("JIRA-7"))


def test_work_that_nobody_claimed_cannot_be_closed() -> None:
    given(story(a_case("MOB"))).when(tracker_closes(issue="JIRA-7")).refused(
        Rule.TEAM_HOLDS_NO_CLAIM
    )


def test_another_issue_than_the_linked_one_cannot_be_closed_or_moved() -> None:
    given(story(*ELSEWHERE)).when(tracker_closes(issue="JIRA-8")).refused(Rule.ONE_ISSUE_PER_TEAM)
    given(story(*ELSEWHERE)).when(tracker_moves("Doing", issue="JIRA-8")).refused(
        Rule.ONE_ISSUE_PER_TEAM
    )


def test_returned_work_can_be_closed_again() -> None:
    given(story(*ELSEWHERE, tracker_closes(), returned())).when(tracker_closes()).then(
        closed("JIRA-7")
    )


def test_progress_on_a_key_that_is_not_on_our_boards_is_told() -> None:
    given(story(*ELSEWHERE)).when(tracker_moves("Doing", issue="JIRA-7")).then(
        Said(
            subject="OPS-1",
            data=eng.Progressed(
                team="MOB", issue="JIRA-7", from_status="unknown", to_status="Doing"
            ),
        )
    )


def test_progress_goes_on_from_the_status_that_was_told_last() -> None:
    after = story(*ELSEWHERE, tracker_moves("Doing"), tracker_moves("Testing"))

    assert after.published()[-1] == eng.Progressed(
        team="MOB", issue="JIRA-7", from_status="Doing", to_status="Testing"
    )


def test_progress_to_the_status_it_has_adds_nothing() -> None:
    given(story(*ELSEWHERE, tracker_moves("Doing"))).when(tracker_moves("Doing")).nothing_happened()


def test_progress_of_an_issue_of_the_board_moves_it_under_its_workflow() -> None:
    after = story(*CLONED, tracker_moves("In Progress", issue="MOB-1"))

    assert after.issue("MOB-1").status == "In Progress"
    given(after).when(tracker_moves("Doing")).invalid("to_status")
    given(after).when(tracker_moves("Needs Ops Review")).refused(Rule.REVIEW_NEEDS_A_COMMENT)


def test_progress_needs_a_linked_issue() -> None:
    given(story(a_case("MOB"))).when(tracker_moves("Doing", issue="JIRA-7")).refused(
        Rule.ISSUE_NOT_LINKED
    )


def test_a_key_elsewhere_that_looks_like_one_of_ours_moves_nothing_here() -> None:
    after = story(a_case("MOB"), tracker_claim(issue="MOB-1"), create(), tracker_moves("Doing"))

    assert after.issue("MOB-1").status == "To Do"
    assert after.published()[-1] == eng.Progressed(
        team="MOB", issue="MOB-1", from_status="unknown", to_status="Doing"
    )
