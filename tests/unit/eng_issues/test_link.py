"""Linking by hand, before claiming; many to many."""

from msgspec.structs import replace

from services.eng_issues.domain.decisions.link import LINKS_MAX
from services.eng_issues.domain.events import IssueLinked, IssueUnlinked, Said
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
    opened,
    story,
    tracker_claim,
    unlink,
)

LINKED = (
    Said(subject="MOB-1", data=IssueLinked(ops_issue="OPS-1")),
    Said(subject="OPS-1", data=eng.Linked(team="MOB", issue="MOB-1")),
)


def test_an_existing_issue_of_the_team_is_linked() -> None:
    given(story(a_case("MOB"), create())).when(link("MOB-1")).then(*LINKED)


def test_linking_what_is_linked_adds_nothing() -> None:
    given(story(a_case("MOB"), create(), link("MOB-1"))).when(link("MOB-1")).nothing_happened()


def test_a_clone_is_linked_already() -> None:
    given(story(a_case("MOB"), claim())).when(link("MOB-1")).nothing_happened()


def test_a_link_makes_no_claim() -> None:
    after = story(a_case("MOB"), create(), link("MOB-1"))

    assert after.case().part("MOB").state == "assigned"


def test_a_team_has_at_most_one_issue_per_ops_issue() -> None:
    two = story(a_case("MOB"), create(), create(), link("MOB-1"))

    given(two).when(link("MOB-2")).refused(Rule.ONE_ISSUE_PER_TEAM)
    elsewhere = story(a_case("MOB"), create(), tracker_claim(issue="JIRA-7"))
    given(elsewhere).when(link("MOB-1")).refused(Rule.ONE_ISSUE_PER_TEAM)


def test_one_issue_serves_several_ops_issues() -> None:
    after = story(
        a_case("MOB"),
        a_case("MOB", key="OPS-2"),
        create(),
        link("MOB-1"),
        link("MOB-1", key="OPS-2"),
    )

    assert after.issue("MOB-1").ops_issues == ("OPS-1", "OPS-2")


def test_two_teams_link_an_issue_each() -> None:
    after = story(
        a_case("MOB", "WEB"), create("MOB"), create("WEB"), link("MOB-1"), link("WEB-1", "WEB")
    )

    assert (after.case().issue_of("MOB"), after.case().issue_of("WEB")) == ("MOB-1", "WEB-1")


def test_another_team_s_issue_cannot_be_linked() -> None:
    other = story(a_case("MOB", "WEB"), create("WEB"))

    given(other).when(link("WEB-1", "MOB")).refused(Rule.ISSUE_OF_ANOTHER_TEAM)


def test_a_team_that_is_not_in_team_s_may_link_to_investigate() -> None:
    given(story(define("MOB"), opened(), create())).when(link("MOB-1")).then(*LINKED)


def test_a_closed_ops_issue_and_a_closed_issue_may_be_linked() -> None:
    given(story(a_case("MOB"), create(), closed_by_ops())).when(link("MOB-1")).then(*LINKED)
    given(story(a_case("MOB"), create(), close("MOB-1"))).when(link("MOB-1")).then(*LINKED)


def test_an_issue_serves_so_many_ops_issues_and_no_more() -> None:
    full = story(a_case("MOB"), create())
    served = tuple(f"OPS-{n}" for n in range(2, LINKS_MAX + 2))
    full.streams["MOB-1"] = replace(full.issue("MOB-1"), ops_issues=served)

    given(full).when(link("MOB-1")).refused(Rule.TOO_MANY_LINKS)


def test_a_link_made_by_mistake_can_be_taken_back() -> None:
    given(story(a_case("MOB"), create(), link("MOB-1"))).when(unlink("MOB-1")).then(
        Said(subject="OPS-1", data=eng.Unlinked(team="MOB", issue="MOB-1")),
        Said(subject="MOB-1", data=IssueUnlinked(ops_issue="OPS-1")),
    )


def test_unlinking_what_is_not_linked_adds_nothing() -> None:
    given(story(a_case("MOB"), create())).when(unlink("MOB-1")).nothing_happened()


def test_a_claim_needs_its_link() -> None:
    given(story(a_case("MOB"), claim())).when(unlink("MOB-1")).refused(Rule.TEAM_HOLDS_A_CLAIM)
    done = story(a_case("MOB"), claim(), close("MOB-1"))
    given(done).when(unlink("MOB-1")).refused(Rule.TEAM_HOLDS_A_CLAIM)
