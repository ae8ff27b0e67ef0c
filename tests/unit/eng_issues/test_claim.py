"""Claim for [Team]."""

from services.eng_issues.domain.events import IssueCreated, IssueLinked, IssueMoved, Said
from services.eng_issues.domain.rules import Rule
from shared.events import eng
from tests.kit.given_when_then import given
from tests.unit.eng_issues.steps import (
    OPENED,
    a_case,
    claim,
    close,
    closed_by_ops,
    create,
    define,
    link,
    move,
    opened,
    reject,
    returned,
    send_to_review,
    story,
    tracker_claim,
    unassigned,
)


def test_a_claim_clones_the_ops_issue_into_the_team_s_project_in_the_default_status() -> None:
    given(story(a_case("MOB"))).when(claim(comment="Ours.")).then(
        Said(
            subject="MOB-1",
            data=IssueCreated(
                team="MOB",
                summary=OPENED.summary,
                description=OPENED.description,
                severity=OPENED.severity,
                status="To Do",
                clone_of="OPS-1",
            ),
        ),
        Said(subject="MOB-1", data=IssueLinked(ops_issue="OPS-1")),
        Said(
            subject="OPS-1",
            data=eng.Claimed(team="MOB", issue="MOB-1", origin="cloned", comment="Ours."),
        ),
    )


def test_claiming_links_the_two_and_is_held_by_the_team() -> None:
    after = story(a_case("MOB"), claim())

    assert after.issue("MOB-1").ops_issues == ("OPS-1",)
    assert after.case().issue_of("MOB") == "MOB-1"
    assert after.case().part("MOB").state == "claimed"


def test_a_team_that_is_not_in_team_s_may_claim_and_joins() -> None:
    after = story(define("MOB"), opened(), claim())

    assert after.case().part("MOB").assigned


def test_a_second_claim_by_the_same_team_is_refused() -> None:
    given(story(a_case("MOB"), claim())).when(claim()).refused(Rule.ALREADY_CLAIMED)


def test_a_claim_by_another_team_is_fine() -> None:
    after = story(a_case("MOB", "WEB"), claim("MOB"), claim("WEB"))

    assert after.case().part("MOB").claim == after.case().part("WEB").claim == "open"


def test_a_linked_issue_is_used_and_the_comment_explains_the_link() -> None:
    given(story(a_case("MOB"), create(), link("MOB-1"))).when(claim(comment="Same crash.")).then(
        Said(
            subject="OPS-1",
            data=eng.Claimed(team="MOB", issue="MOB-1", origin="linked", comment="Same crash."),
        )
    )


def test_claiming_with_a_linked_issue_needs_a_comment() -> None:
    linked = story(a_case("MOB"), create(), link("MOB-1"))

    given(linked).when(claim()).refused(Rule.LINK_NEEDS_A_COMMENT)


def test_claiming_with_an_issue_in_another_status_of_its_own_leaves_it_there() -> None:
    after = story(
        a_case("MOB"), create(), link("MOB-1"), move("MOB-1", "In Progress"), claim(comment="Same.")
    )

    assert after.issue("MOB-1").status == "In Progress"


def test_claiming_with_a_closed_issue_moves_it_to_the_default_status() -> None:
    closed = story(a_case("MOB"), create(), close("MOB-1"), link("MOB-1"))

    given(closed).when(claim(comment="Same.")).then(
        Said(
            subject="OPS-1",
            data=eng.Claimed(team="MOB", issue="MOB-1", origin="linked", comment="Same."),
        ),
        Said(
            subject="MOB-1",
            data=IssueMoved(
                from_status="Done", to_status="To Do", origin="claimed", ops_issue="OPS-1"
            ),
        ),
        Said(
            subject="OPS-1",
            data=eng.Progressed(team="MOB", issue="MOB-1", from_status="Done", to_status="To Do"),
        ),
    )


def test_claiming_with_an_issue_in_review_moves_it_to_the_default_status() -> None:
    after = story(
        a_case("MOB"),
        create(),
        link("MOB-1"),
        send_to_review(),
        claim(comment="We see it."),
    )

    assert after.issue("MOB-1").status == "To Do"
    assert after.case().part("MOB").state == "claimed"


def test_claiming_one_case_with_a_shared_issue_leaves_work_done_on_another_done() -> None:
    after = story(
        a_case("MOB"),
        claim(),
        close("MOB-1"),
        a_case("MOB", key="OPS-2"),
        link("MOB-1", key="OPS-2"),
        claim(key="OPS-2", comment="The same bug."),
    )

    assert after.issue("MOB-1").status == "To Do"
    assert after.case("OPS-1").part("MOB").state == "done"
    assert after.published("OPS-1")[-1] == eng.Progressed(
        team="MOB", issue="MOB-1", from_status="Done", to_status="To Do"
    )


def test_a_claim_ends_the_team_s_question() -> None:
    after = story(a_case("MOB"), send_to_review(), claim())

    assert not after.case().part("MOB").in_review


def test_a_claim_on_a_closed_ops_issue_is_refused() -> None:
    given(story(a_case("MOB"), closed_by_ops())).when(claim()).refused(Rule.OPS_ISSUE_IS_CLOSED)


def test_a_team_whose_work_is_closed_cannot_claim() -> None:
    done = story(a_case("MOB"), claim(), close("MOB-1"))

    given(done).when(claim(comment="Again.")).refused(Rule.WORK_IS_CLOSED)


def test_a_team_that_rejected_may_claim_after_all_and_clones_anew() -> None:
    after = story(a_case("MOB"), claim(), reject(), claim())

    assert after.case().issue_of("MOB") == "MOB-2"
    assert not after.case().part("MOB").rejected


def test_a_team_that_was_unassigned_claims_again_with_the_issue_that_stayed_linked() -> None:
    dropped = story(a_case("MOB"), claim(), unassigned())

    given(dropped).when(claim()).refused(Rule.LINK_NEEDS_A_COMMENT)
    given(dropped).when(claim(comment="It is ours.")).then(
        Said(
            subject="OPS-1",
            data=eng.Claimed(team="MOB", issue="MOB-1", origin="linked", comment="It is ours."),
        )
    )


def test_a_tracker_s_claim_that_names_its_own_issue_keeps_that_key_and_mints_nothing() -> None:
    given(story(a_case("MOB"))).when(tracker_claim(issue="JIRA-77")).then(
        Said(subject="OPS-1", data=eng.Claimed(team="MOB", issue="JIRA-77", origin="linked"))
    )


def test_a_tracker_may_say_that_it_cloned_its_own_issue() -> None:
    after = story(a_case("MOB"), tracker_claim(issue="JIRA-77", origin="cloned"))

    assert after.published() == [eng.Claimed(team="MOB", issue="JIRA-77", origin="cloned")]
    assert after.issues() == []


def test_a_tracker_s_claim_that_names_no_issue_clones_as_usual() -> None:
    after = story(a_case("MOB"), tracker_claim())

    assert after.issue("MOB-1").clone_of == "OPS-1"


def test_a_tracker_s_claim_that_names_an_issue_of_the_board_links_it() -> None:
    own = story(a_case("MOB"), create())

    given(own).when(tracker_claim(issue="MOB-1")).refused(Rule.LINK_NEEDS_A_COMMENT)
    given(own).when(tracker_claim(issue="MOB-1", comment="Same.")).then(
        Said(subject="MOB-1", data=IssueLinked(ops_issue="OPS-1")),
        Said(
            subject="OPS-1",
            data=eng.Claimed(team="MOB", issue="MOB-1", origin="linked", comment="Same."),
        ),
    )


def test_a_tracker_s_claim_moves_the_named_issue_that_is_closed_and_tells_all_it_serves() -> None:
    after = story(
        a_case("MOB"), create(), close("MOB-1"), tracker_claim(issue="MOB-1", comment="Same.")
    )

    assert after.issue("MOB-1").status == "To Do"
    claimed, progressed = after.published()
    assert isinstance(claimed, eng.Claimed)
    assert isinstance(progressed, eng.Progressed)


def test_a_tracker_cannot_claim_with_another_team_s_issue() -> None:
    other = story(a_case("MOB", "WEB"), create("WEB"))

    given(other).when(tracker_claim(issue="WEB-1", comment="?")).refused(Rule.ISSUE_OF_ANOTHER_TEAM)


def test_a_tracker_cannot_claim_with_a_second_issue() -> None:
    linked = story(a_case("MOB"), create(), link("MOB-1"))

    given(linked).when(tracker_claim(issue="JIRA-77")).refused(Rule.ONE_ISSUE_PER_TEAM)


def test_a_tracker_s_claim_keeps_the_rules_of_every_claim() -> None:
    held = story(a_case("MOB"), tracker_claim(issue="JIRA-77"))

    given(held).when(tracker_claim(issue="JIRA-77")).refused(Rule.ALREADY_CLAIMED)
    given(story(a_case("MOB"), closed_by_ops())).when(tracker_claim(issue="JIRA-77")).refused(
        Rule.OPS_ISSUE_IS_CLOSED
    )


def test_a_returned_case_that_was_never_claimed_can_be_claimed() -> None:
    after = story(a_case("MOB"), send_to_review(), returned(), claim())

    assert after.case().part("MOB").state == "claimed"
