"""Contract §5: teams, their workflows, and the issues on their boards."""

from __future__ import annotations

from typing import Any

import pytest

from tests.acceptance.world import REVIEW, WORKFLOW, World, good, problem, wrong_fields

pytestmark = [pytest.mark.integration]

ISSUE_MEMBERS = {
    *("key", "team", "type", "status", "summary", "severity", "ops_issues", "assignee"),
    *("resolution", "version", "position"),
}


async def test_a_team_is_defined_and_known_to_both(world: World) -> None:
    key = world.unique()
    body = {
        "name": "Mobile",
        "manager": "Em",
        "workflow": WORKFLOW,
        "domains": ["mobile deposit"],
        "channel": "#mobile",
    }

    answer = await world.eng.ask("PUT", f"/teams/{key}", body, role="manager")

    team = good(answer)
    assert {name: team[name] for name in body} == body
    assert (team["team"], team["version"]) == (key, 1)
    assert answer.headers["etag"] == '"1"'
    case = await world.case()
    assert (await case.told("assign-team", {"team": key})).status_code == 200


async def test_the_same_definition_adds_nothing_and_another_changes_the_team(world: World) -> None:
    key = world.unique()
    body = {"name": "Mobile", "workflow": WORKFLOW}
    first = good(await world.eng.ask("PUT", f"/teams/{key}", body))

    again = good(await world.eng.ask("PUT", f"/teams/{key}", body))
    other = good(await world.eng.ask("PUT", f"/teams/{key}", {**body, "name": "Apps"}))

    assert again == first
    assert (other["name"], other["version"]) == ("Apps", 2)


async def test_without_a_workflow_a_team_gets_the_default_one(world: World) -> None:
    team = good(await world.eng.ask("PUT", f"/teams/{world.unique()}", {"name": "Plain"}))

    workflow = team["workflow"]
    assert (workflow["default"], workflow["review"]) == ("To Do", REVIEW)
    assert workflow["closed"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"review": None}, "workflow.review"),
        ({"review": "Elsewhere"}, "workflow.review"),
        ({"review": "To Do"}, "workflow.review"),
        ({"default": "Elsewhere"}, "workflow.default"),
        ({"closed": []}, "workflow.closed"),
        ({"closed": ["Elsewhere"]}, "workflow.closed"),
        ({"closed": ["To Do"]}, "workflow.closed"),
        ({"closed": [REVIEW]}, "workflow.closed"),
        ({"statuses": []}, "workflow.statuses"),
        ({"statuses": [*WORKFLOW["statuses"], "To Do"]}, "workflow.statuses"),
        ({"colour": "red"}, "workflow.colour"),
    ],
)
async def test_a_workflow_that_cannot_be_acted_on_is_refused(
    world: World, change: dict[str, Any], field: str
) -> None:
    body = {"name": "Mobile", "workflow": {**WORKFLOW, **change}}

    answer = await world.eng.ask("PUT", f"/teams/{world.unique()}", body)

    assert wrong_fields(answer) == {field}


async def test_a_workflow_needs_a_review_status(world: World) -> None:
    without = {name: value for name, value in WORKFLOW.items() if name != "review"}

    answer = await world.eng.ask(
        "PUT", f"/teams/{world.unique()}", {"name": "Mobile", "workflow": without}
    )

    assert wrong_fields(answer) == {"workflow.review"}


@pytest.mark.parametrize("key", ["OPS", "mob", "M-B", "1MOB", "M" * 17, "MOB%0A", "M%C3%96B"])
async def test_a_key_that_no_team_can_have(world: World, key: str) -> None:
    answer = await world.eng.ask("PUT", f"/teams/{key}", {"name": "No"}, role="manager")

    assert answer.status_code in {404, 422}
    if answer.status_code == 422:
        assert wrong_fields(answer) == {"team"}


async def test_a_teams_own_issue(world: World) -> None:
    team = await world.team()
    body = {"team": team, "summary": "The camera loses frames", "severity": "4 - Low"}

    answer = await world.eng.ask("POST", "/issues", body)

    assert answer.status_code == 201
    issue = answer.json()
    assert issue.keys() >= ISSUE_MEMBERS
    assert issue["key"] == f"{team}-1"
    assert issue["type"] == "Engr Customer Issue"
    assert (issue["status"], issue["ops_issues"], issue["resolution"]) == ("To Do", [], None)
    assert await world.eng.get(f"/issues/{issue['key']}") == issue
    assert (await world.own_issue(team)) == f"{team}-2"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"team": "NOSUCHTEAM"}, "team"),
        ({"team": "OPS-1"}, "team"),
        ({"summary": ""}, "summary"),
        ({"severity": "urgent"}, "severity"),
        ({"key": "MOB-1"}, "key"),
    ],
)
async def test_an_issue_that_cannot_be_created(
    world: World, change: dict[str, str], field: str
) -> None:
    body = {"team": await world.team(), "summary": "It fails", "severity": "4 - Low", **change}

    assert wrong_fields(await world.eng.ask("POST", "/issues", body)) == {field}


async def test_an_issue_is_assigned_commented_and_moved(world: World) -> None:
    issue = await world.own_issue(await world.team())

    assigned = await world.eng.post(f"/issues/{issue}/assign", {"assignee": "eve"})
    said = {"body": "Reproduced.", "visibility": "internal", "captured_from": "#mobile"}
    commented = await world.eng.post(f"/issues/{issue}/comment", said)
    moved = await world.move(issue, "In Progress")

    assert (assigned["assignee"], moved["status"]) == ("eve", "In Progress")
    assert [each["comment"] for each in commented["comments"]] == ["Reproduced."]
    assert [each["version"] for each in (assigned, commented, moved)] == [2, 3, 4]
    kinds = [entry["type"] for entry in await world.eng.history(issue)]
    assert len(kinds) == 4


async def test_moving_where_it_is_adds_nothing(world: World) -> None:
    issue = await world.own_issue(await world.team())
    before = await world.eng.get(f"/issues/{issue}")

    assert await world.move(issue, "To Do") == before


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ({"status": REVIEW}, "review-needs-a-comment"),
        ({"status": "Done", "comment": "Fixed."}, "closing-needs-a-resolution"),
        ({"status": "Done", "resolution": "Fixed"}, "closing-needs-a-comment"),
    ],
)
async def test_a_move_that_must_say_why(world: World, body: dict[str, str], rule: str) -> None:
    issue = await world.own_issue(await world.team())

    problem(await world.eng.ask("POST", f"/issues/{issue}/move", body), 409, rule)


async def test_a_status_that_the_workflow_has_not(world: World) -> None:
    issue = await world.own_issue(await world.team())

    answer = await world.eng.ask("POST", f"/issues/{issue}/move", {"status": "Elsewhere"})

    assert wrong_fields(answer) == {"status"}


@pytest.mark.parametrize("action", ["move", "assign", "comment"])
async def test_an_issue_that_is_not_there(world: World, action: str) -> None:
    bodies = {
        "move": {"status": "Done"},
        "assign": {"assignee": "eve"},
        "comment": {"body": "Hm.", "visibility": "public"},
    }

    answer = await world.eng.ask("POST", f"/issues/NOSUCH-1/{action}", bodies[action])

    problem(answer, 404)


async def test_a_team_with_words_of_its_own(world: World) -> None:
    """What counts is which statuses the team names as default, review and closed."""
    workflow = {
        "statuses": ["Box", "Hands", "Ask", "Out"],
        "default": "Box",
        "review": "Ask",
        "closed": ["Out"],
    }
    team = await world.team(workflow=workflow)
    case = await world.case(team)
    issue = await case.claimed_by(team)
    assert (await world.eng.get(f"/issues/{issue}"))["status"] == "Box"

    await world.move(issue, "Ask", comment="Which version?")
    await case.is_in(REVIEW, {team: "in-review"})
    await case.tell("return-to-engineering", teams=[team], comment="7.1")
    assert (await world.eng.get(f"/issues/{issue}"))["status"] == "Box"
    await world.move(issue, "Out", resolution="Fixed", comment="Fixed in 7.2.")

    await case.is_in(REVIEW, {team: "done"})
