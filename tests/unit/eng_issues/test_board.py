"""A team's own issues, who works on them, and comments."""

from services.eng_issues.domain.events import IssueAssigned, IssueCommented, IssueCreated, Said
from shared.events import eng
from tests.kit.given_when_then import given
from tests.unit.eng_issues.steps import (
    a_case,
    assign,
    claim,
    closed_by_ops,
    comment,
    create,
    define,
    link,
    story,
)

SAID_HERE = Said(
    subject="MOB-1",
    data=IssueCommented(comment="Looking.", visibility="internal", captured_from="chat"),
)


def said_on(key: str) -> Said:
    body = eng.Commented(
        team="MOB",
        issue="MOB-1",
        comment="Looking.",
        visibility="internal",
        captured_from="chat",
    )
    return Said(subject=key, data=body)


def test_a_team_has_issues_of_its_own() -> None:
    given(story(define("MOB"))).when(create()).then(
        Said(
            subject="MOB-1",
            data=IssueCreated(
                team="MOB",
                summary="Slow sync",
                description="",
                severity="3 - Moderate",
                status="To Do",
            ),
        )
    )


def test_a_person_works_on_it() -> None:
    given(story(define("MOB"), create())).when(assign("MOB-1", "bo")).then(
        Said(subject="MOB-1", data=IssueAssigned(assignee="bo"))
    )


def test_assigning_who_is_assigned_adds_nothing() -> None:
    held = story(define("MOB"), create(), assign("MOB-1", "bo"))

    given(held).when(assign("MOB-1", "bo")).nothing_happened()


def test_a_comment_is_made_on_the_issue_and_on_each_linked_ops_issue() -> None:
    shared = story(a_case("MOB"), claim(), a_case("MOB", key="OPS-2"), link("MOB-1", key="OPS-2"))

    given(shared).when(comment("MOB-1")).then(SAID_HERE, said_on("OPS-1"), said_on("OPS-2"))


def test_comments_are_accepted_on_a_closed_ops_issue() -> None:
    closed = story(a_case("MOB"), claim(), closed_by_ops())

    given(closed).when(comment("MOB-1")).then(SAID_HERE, said_on("OPS-1"))


def test_comments_are_kept_in_order_with_who_and_when() -> None:
    after = story(a_case("MOB"), claim(), comment("MOB-1", "One."), comment("MOB-1", "Two."))

    held = after.issue("MOB-1").comments
    assert [(each.actor, each.comment) for each in held] == [
        ("person:ada", "One."),
        ("person:ada", "Two."),
    ]
    assert [each.comment for each in after.case().comments] == ["One.", "Two."]
