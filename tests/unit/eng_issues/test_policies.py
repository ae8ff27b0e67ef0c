"""What Engineering says because of what it received."""

from services.eng_issues.domain.case import APPLIED, Case, Outcome, receive
from services.eng_issues.domain.events import (
    IssueAmended,
    IssueCommented,
    IssueMoved,
    Said,
    TeamDropped,
)
from services.eng_issues.policies.reactions import concerned, react
from shared.events import eng, ops
from shared.events.envelope import Body
from shared.events.ids import derived_id
from tests.unit.eng_issues.engineering import Engineering, Step
from tests.unit.eng_issues.steps import (
    a_case,
    claim,
    close,
    closed_by_ops,
    create,
    define,
    heard_from_ops,
    link,
    move,
    opened,
    reopened_by_ops,
    returned,
    send_to_review,
    story,
    tracker_claim,
    unassigned,
)

ANSWERED = Said(
    subject="MOB-1",
    data=IssueCommented(comment="On iOS.", visibility="internal", ops_issue="OPS-1"),
)


def said_because_of(before: Engineering, event: Step) -> list[Said]:
    """What follows from the event, in order."""
    known = len(before.log)
    event(before)
    return [Said(subject=e.subject, data=e.data) for e in before.log[known + 1 :]]


def back_to_work(from_status: str, *keys: str) -> list[Said]:
    move_itself: Body = IssueMoved(
        from_status=from_status, to_status="To Do", origin="returned", ops_issue="OPS-1"
    )
    told = eng.Progressed(team="MOB", issue="MOB-1", from_status=from_status, to_status="To Do")
    return [
        Said(subject="MOB-1", data=move_itself),
        *(Said(subject=key, data=told) for key in keys),
    ]


def test_a_returned_issue_goes_to_the_default_status_and_holds_the_answer() -> None:
    asking = story(a_case("MOB"), claim(), send_to_review())

    assert said_because_of(asking, returned()) == [
        *back_to_work("Needs Ops Review", "OPS-1"),
        ANSWERED,
    ]


def test_from_any_status_closed_included() -> None:
    doing = story(a_case("MOB"), claim(), move("MOB-1", "In Progress"))
    done = story(a_case("MOB"), claim(), close("MOB-1"))

    assert said_because_of(doing, returned())[0] == back_to_work("In Progress")[0]
    assert said_because_of(done, returned())[0] == back_to_work("Done")[0]
    assert done.issue("MOB-1").resolution is None


def test_every_case_that_the_issue_serves_may_follow_the_move() -> None:
    shared = story(
        a_case("MOB"),
        claim(),
        a_case("MOB", key="OPS-2"),
        link("MOB-1", key="OPS-2"),
        send_to_review(),
    )

    assert said_because_of(shared, returned()) == [
        *back_to_work("Needs Ops Review", "OPS-1", "OPS-2"),
        ANSWERED,
    ]


def test_an_issue_in_the_default_status_only_gets_the_answer() -> None:
    assert said_because_of(story(a_case("MOB"), claim()), returned()) == [ANSWERED]


def test_an_issue_that_is_linked_and_not_claimed_is_returned_as_well() -> None:
    linked = story(a_case("MOB"), create(), link("MOB-1"), send_to_review())

    assert said_because_of(linked, returned())[0] == back_to_work("Needs Ops Review")[0]


def test_only_the_named_teams_issues_are_moved() -> None:
    two = story(
        a_case("MOB", "WEB"),
        claim("MOB"),
        claim("WEB"),
        send_to_review("MOB"),
        send_to_review("WEB"),
    )

    said_because_of(two, returned("MOB"))

    assert (two.issue("MOB-1").status, two.issue("WEB-1").status) == ("To Do", "Needs Ops Review")


def test_several_teams_are_returned_at_once() -> None:
    two = story(
        a_case("MOB", "WEB"),
        claim("MOB"),
        claim("WEB"),
        send_to_review("MOB"),
        send_to_review("WEB"),
        returned("MOB", "WEB", "MOB"),
    )

    assert (two.issue("MOB-1").status, two.issue("WEB-1").status) == ("To Do", "To Do")
    assert len(two.issue("MOB-1").comments) == 1


def test_a_team_without_an_issue_here_has_nothing_to_move() -> None:
    assert said_because_of(story(a_case("MOB"), send_to_review()), returned()) == []
    assert said_because_of(story(a_case("MOB"), tracker_claim(issue="JIRA-7")), returned()) == []


def test_a_team_taken_off_a_case_keeps_its_issue_linked_and_is_told() -> None:
    claimed = story(a_case("MOB"), claim())

    assert said_because_of(claimed, unassigned()) == [
        Said(subject="MOB-1", data=TeamDropped(ops_issue="OPS-1", comment="Wrong."))
    ]
    assert claimed.case().issue_of("MOB") == "MOB-1"
    assert claimed.issue("MOB-1").status == "To Do"
    assert claimed.issue("MOB-1").comments[-1].comment == "Wrong."


def test_a_team_whose_claim_crossed_the_unassignment_is_told_nothing() -> None:
    assert said_because_of(story(a_case("MOB"), claim()), unassigned(missed=1)) == []


def test_a_team_that_only_linked_is_told_nothing() -> None:
    linked = story(a_case("MOB"), create(), link("MOB-1"))

    assert said_because_of(linked, unassigned()) == []


def test_an_amended_ops_issue_amends_its_clones() -> None:
    cloned = story(a_case("MOB"), claim())
    amendment = heard_from_ops(ops.Amended(severity="1 - Critical", summary="Cannot log in"))

    assert said_because_of(cloned, amendment) == [
        Said(subject="MOB-1", data=IssueAmended(ops_issue="OPS-1", severity="1 - Critical"))
    ]
    assert cloned.issue("MOB-1").severity == "1 - Critical"


def test_a_team_s_own_issue_keeps_its_words() -> None:
    own = story(a_case("MOB"), create(), link("MOB-1"))

    assert said_because_of(own, heard_from_ops(ops.Amended(severity="1 - Critical"))) == []


def test_a_clone_of_another_case_keeps_its_words() -> None:
    shared = story(a_case("MOB"), claim(), a_case("MOB", key="OPS-2"), link("MOB-1", key="OPS-2"))
    amendment = heard_from_ops(ops.Amended(severity="1 - Critical"), "OPS-2")

    assert said_because_of(shared, amendment) == []


def test_closing_and_reopening_move_no_engineering_issue() -> None:
    asking = story(a_case("MOB"), claim(), send_to_review())

    assert said_because_of(asking, closed_by_ops()) == []
    assert said_because_of(asking, reopened_by_ops()) == []
    assert asking.issue("MOB-1").status == "Needs Ops Review"


def test_a_parked_event_has_no_reactions() -> None:
    held = story(a_case("MOB"), claim(), send_to_review())
    event = held.ops.record("OPS-1", ops.ReturnedToEngineering(teams=("MOB",), answer="On iOS."))
    case = held.case()

    parked = react(event, case, case, Outcome("parked"), {}, {"MOB-1": held.issue("MOB-1")})

    assert parked == ()


def test_reactions_of_one_cause_have_names_of_their_own() -> None:
    shared = story(
        a_case("MOB", "WEB"),
        a_case("MOB", "WEB", key="OPS-2"),
        claim("MOB"),
        claim("WEB"),
        link("MOB-1", "MOB", "OPS-2"),
        link("WEB-1", "WEB", "OPS-2"),
        close("MOB-1"),
        close("WEB-1"),
    )
    event = shared.ops.record(
        "OPS-1", ops.ReturnedToEngineering(teams=("MOB", "WEB"), answer="On iOS.")
    )
    before: Case = shared.case()
    after, _ = receive(before, event)
    teams = {key: shared.team(key) for key in ("MOB", "WEB")}
    issues = {key: shared.issue(key) for key in ("MOB-1", "WEB-1")}

    reactions = react(event, before, after, APPLIED, teams, issues)

    assert concerned(event, after) == ("MOB", "WEB")
    assert len(reactions) == 10
    assert len({derived_id(event.id, each.name) for each in reactions}) == 10


def test_a_return_of_a_team_that_is_not_known_here_is_shown_and_moves_nothing() -> None:
    stranger = story(define("MOB"), opened())

    assert said_because_of(stranger, returned("WEB")) == []
