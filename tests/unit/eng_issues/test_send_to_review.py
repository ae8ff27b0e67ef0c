"""Send to Review: a question on one case alone."""

from services.eng_issues.domain.events import IssueMoved, Said
from services.eng_issues.domain.rules import Rule
from shared.events import eng
from tests.kit.given_when_then import given
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
    reopened_by_ops,
    returned,
    send_to_review,
    story,
    tracker_asks,
    tracker_claim,
)


def asked(key: str = "OPS-1", issue: str | None = None) -> Said:
    body = eng.SentToReview(team="MOB", comment="Which device?", issue=issue)
    return Said(subject=key, data=body)


def test_a_team_that_has_not_claimed_may_ask_and_stays_in_team_s() -> None:
    given(story(a_case("MOB"))).when(send_to_review()).then(asked())

    part = story(a_case("MOB"), send_to_review()).case().part("MOB")
    assert (part.assigned, part.state) == (True, "in-review")


def test_a_linked_issue_moves_to_the_team_s_review_status() -> None:
    given(story(a_case("MOB"), claim())).when(send_to_review()).then(
        asked(issue="MOB-1"),
        Said(
            subject="MOB-1",
            data=IssueMoved(
                from_status="To Do",
                to_status="Needs Ops Review",
                origin="asked",
                comment="Which device?",
                ops_issue="OPS-1",
            ),
        ),
    )


def test_the_team_keeps_its_claim() -> None:
    assert story(a_case("MOB"), claim(), send_to_review()).case().part("MOB").claim == "open"


def test_a_question_on_one_case_is_asked_on_that_case_alone() -> None:
    after = story(
        a_case("MOB"),
        claim(),
        a_case("MOB", key="OPS-2"),
        link("MOB-1", key="OPS-2"),
        claim(key="OPS-2", comment="Same."),
        send_to_review(),
    )

    assert after.published("OPS-2")[-1] == eng.Progressed(
        team="MOB", issue="MOB-1", from_status="To Do", to_status="Needs Ops Review"
    )
    assert not after.case("OPS-2").part("MOB").in_review


def test_asking_on_the_second_case_too_moves_the_issue_no_more() -> None:
    shared = story(
        a_case("MOB"),
        claim(),
        a_case("MOB", key="OPS-2"),
        link("MOB-1", key="OPS-2"),
        claim(key="OPS-2", comment="Same."),
        send_to_review(),
    )

    given(shared).when(send_to_review(key="OPS-2")).then(asked("OPS-2", "MOB-1"))


def test_asking_again_while_one_s_question_is_open_adds_nothing() -> None:
    given(story(a_case("MOB"), send_to_review())).when(send_to_review()).nothing_happened()
    back_at_work = story(a_case("MOB"), claim(), send_to_review(), move("MOB-1", "In Progress"))
    given(back_at_work).when(send_to_review()).nothing_happened()


def test_a_question_can_be_asked_again_once_it_was_answered() -> None:
    given(story(a_case("MOB"), send_to_review(), returned())).when(send_to_review()).then(asked())


def test_a_team_that_is_not_in_team_s_and_holds_no_claim_cannot_ask() -> None:
    outside = story(define("MOB"), opened())

    given(outside).when(send_to_review()).refused(Rule.TEAM_NOT_ASSIGNED)


def test_a_team_whose_work_is_closed_cannot_ask() -> None:
    done = story(a_case("MOB"), claim(), close("MOB-1"))

    given(done).when(send_to_review()).refused(Rule.WORK_IS_CLOSED)


def test_nobody_asks_on_a_closed_ops_issue() -> None:
    given(story(a_case("MOB"), closed_by_ops())).when(send_to_review()).refused(
        Rule.OPS_ISSUE_IS_CLOSED
    )


def test_a_question_survives_closing_and_reopening() -> None:
    after = story(a_case("MOB"), send_to_review(), closed_by_ops(), reopened_by_ops())

    assert after.case().part("MOB").in_review


def test_a_move_of_the_team_s_own_issue_back_to_work_does_not_end_its_question() -> None:
    after = story(a_case("MOB"), claim(), send_to_review(), move("MOB-1", "In Progress"))

    assert after.case().part("MOB").in_review


def test_a_closed_issue_that_is_linked_moves_to_review_as_closed_work() -> None:
    after = story(a_case("MOB"), create(), close("MOB-1"), link("MOB-1"), send_to_review())

    assert after.issue("MOB-1").status == "Needs Ops Review"
    assert after.issue("MOB-1").resolution == "Fixed"


def test_a_tracker_asks_with_its_own_issue() -> None:
    after = story(a_case("MOB"), tracker_claim(issue="JIRA-7"), tracker_asks(issue="JIRA-7"))

    assert after.published()[-1] == asked(issue="JIRA-7").data


def test_a_tracker_s_question_moves_the_issue_that_was_cloned_for_it() -> None:
    after = story(a_case("MOB"), tracker_claim(), tracker_asks())

    assert after.issue("MOB-1").status == "Needs Ops Review"


def test_a_tracker_cannot_ask_with_another_issue_than_the_linked_one() -> None:
    held = story(a_case("MOB"), tracker_claim(issue="JIRA-7"))

    given(held).when(tracker_asks(issue="JIRA-8")).refused(Rule.ONE_ISSUE_PER_TEAM)
