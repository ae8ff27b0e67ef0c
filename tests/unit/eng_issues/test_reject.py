"""Reject Issue."""

from services.eng_issues.domain.events import IssueMoved, IssueUnlinked, Said
from services.eng_issues.domain.rules import Rule
from shared.events import eng
from tests.kit.given_when_then import given
from tests.unit.eng_issues.steps import (
    a_case,
    assigned,
    claim,
    close,
    closed_by_ops,
    create,
    define,
    link,
    opened,
    reject,
    send_to_review,
    story,
    tracker_claim,
)

REJECTED = Said(
    subject="OPS-1", data=eng.Rejected(team="MOB", comment="Not ours.", belongs_to="WEB")
)
UNLINKED = (
    Said(subject="OPS-1", data=eng.Unlinked(team="MOB", issue="MOB-1")),
    Said(subject="MOB-1", data=IssueUnlinked(ops_issue="OPS-1")),
)


def test_a_rejection_says_why_and_whose_it_is() -> None:
    given(story(a_case("MOB"))).when(reject(belongs_to="WEB")).then(REJECTED)


def test_the_team_leaves_team_s() -> None:
    part = story(a_case("MOB"), reject()).case().part("MOB")

    assert (part.assigned, part.state) == (False, "rejected")


def test_a_team_that_had_claimed_gives_up_the_claim_the_link_and_its_clone() -> None:
    given(story(a_case("MOB"), claim())).when(reject(belongs_to="WEB")).then(
        REJECTED,
        *UNLINKED,
        Said(
            subject="MOB-1",
            data=IssueMoved(
                from_status="To Do",
                to_status="Rejected",
                origin="rejected",
                resolution="Rejected",
                comment="Not ours.",
                ops_issue="OPS-1",
            ),
        ),
    )


def test_a_clone_with_another_link_is_not_closed() -> None:
    shared = story(a_case("MOB"), claim(), a_case("MOB", key="OPS-2"), link("MOB-1", key="OPS-2"))

    given(shared).when(reject(belongs_to="WEB")).then(REJECTED, *UNLINKED)


def test_a_team_s_own_issue_is_not_closed() -> None:
    own = story(a_case("MOB"), create(), link("MOB-1"), claim(comment="Same."))

    given(own).when(reject(belongs_to="WEB")).then(REJECTED, *UNLINKED)


def test_rejecting_with_a_link_and_no_claim_unlinks() -> None:
    linked = story(a_case("MOB"), create(), link("MOB-1"))

    given(linked).when(reject(belongs_to="WEB")).then(REJECTED, *UNLINKED)


def test_an_issue_on_a_tracker_elsewhere_is_unlinked() -> None:
    given(story(a_case("MOB"), tracker_claim(issue="JIRA-7"))).when(reject(belongs_to="WEB")).then(
        REJECTED, Said(subject="OPS-1", data=eng.Unlinked(team="MOB", issue="JIRA-7"))
    )


def test_a_claim_without_team_s_is_enough_to_reject() -> None:
    after = story(define("MOB"), opened(), claim(), reject())

    assert after.case().part("MOB").claim == "none"


def test_a_team_that_is_not_in_team_s_and_holds_no_claim_cannot_reject() -> None:
    outside = story(define("MOB"), opened())

    given(outside).when(reject()).refused(Rule.TEAM_NOT_ASSIGNED)
    given(story(a_case("MOB"), reject())).when(reject()).refused(Rule.TEAM_NOT_ASSIGNED)


def test_a_link_alone_is_not_enough_to_reject() -> None:
    linked = story(define("MOB"), opened(), create(), link("MOB-1"))

    given(linked).when(reject()).refused(Rule.TEAM_NOT_ASSIGNED)


def test_a_team_whose_work_is_closed_cannot_reject() -> None:
    done = story(a_case("MOB"), claim(), close("MOB-1"))

    given(done).when(reject()).refused(Rule.WORK_IS_CLOSED)


def test_a_closed_ops_issue_cannot_be_rejected() -> None:
    given(story(a_case("MOB"), closed_by_ops())).when(reject()).refused(Rule.OPS_ISSUE_IS_CLOSED)


def test_a_rejection_ends_the_team_s_question() -> None:
    assert not story(a_case("MOB"), send_to_review(), reject()).case().part("MOB").in_review


def test_a_team_that_is_asked_again_can_answer_again() -> None:
    after = story(a_case("MOB"), reject(), assigned())

    assert after.case().part("MOB").state == "assigned"
    given(after).when(reject(belongs_to="WEB")).then(REJECTED)


def test_one_team_s_rejection_leaves_another_s_claim() -> None:
    after = story(a_case("MOB", "WEB"), claim("WEB"), reject("MOB"))

    assert after.case().part("WEB").state == "claimed"
    assert after.issue("WEB-1").status == "To Do"
