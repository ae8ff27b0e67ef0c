"""Contract §5 and domain §3: claim, reject, ask, link; what Engineering answers and refuses."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.acceptance.world import REVIEW, World, problem, wrong_fields

pytestmark = [pytest.mark.integration]

WHY = {"comment": "The API answers 500.", "belongs_to": "unknown"}


async def test_claiming_clones_the_ops_issue_onto_the_board(world: World) -> None:
    team = await world.team()
    case = await world.case(team, description="After the photo.")

    issue = await case.act(team, "claim", comment="Ours.")

    assert (issue["team"], issue["status"]) == (team, "To Do")
    assert issue["key"] == f"{team}-1"
    assert (issue["ops_issues"], issue["clone_of"]) == ([case.key], case.key)
    assert issue["description"] == "After the photo."
    shown = await case.is_in("Engineering Ownership", {team: "claimed"})
    assert shown["teams"][0]["issue"] == issue["key"]
    assert {"kind": "tracks", "to": issue["key"], "team": team} in shown["links"]


async def test_claiming_with_a_linked_issue_explains_the_link(world: World) -> None:
    team = await world.team()
    case = await world.case(team)
    issue = await world.own_issue(team)
    await case.act(team, "link", issue=issue)

    problem(await case.acted(team, "claim", {}), 409, "link-needs-a-comment")
    claimed = await case.act(team, "claim", comment="The same stack trace.")

    assert claimed["key"] == issue
    said = (await case.last("claimed"))["data"]
    assert (said["origin"], said["comment"]) == ("linked", "The same stack trace.")


async def test_a_second_claim_is_refused_and_by_another_team_it_is_fine(world: World) -> None:
    team, other = await world.team(), await world.team()
    case = await world.case(team)
    await case.claimed_by(team)

    problem(await case.acted(team, "claim", {}), 409, "already-claimed")
    await case.claimed_by(other)

    await case.is_in("Engineering Ownership", {team: "claimed", other: "claimed"})


async def test_a_clone_of_rejected_work_is_closed(world: World) -> None:
    team = await world.team()
    case = await world.case(team)
    issue = await case.claimed_by(team)

    await case.act(team, "reject", **WHY)

    left = await world.eng.get(f"/issues/{issue}")
    assert (left["ops_issues"], left["resolution"], left["status"]) == ([], "Rejected", "Rejected")
    await case.is_in(REVIEW, {})


async def test_a_linked_issue_of_the_teams_own_outlives_a_rejection(world: World) -> None:
    team = await world.team()
    case = await world.case(team)
    issue = await world.own_issue(team)
    await case.act(team, "link", issue=issue)
    await case.claimed_by(team, comment="The same.")

    await case.act(team, "reject", **WHY)

    left = await world.eng.get(f"/issues/{issue}")
    assert (left["ops_issues"], left["status"]) == ([], "To Do")


async def test_rejecting_with_a_link_and_no_claim_unlinks(world: World) -> None:
    team = await world.team()
    case = await world.case(team)
    issue = await world.own_issue(team)
    await case.act(team, "link", issue=issue)

    answer = await case.act(team, "reject", **WHY)

    assert (await world.eng.get(f"/issues/{issue}"))["ops_issues"] == []
    shown = await case.is_in("New", {})
    assert shown["links"] == []
    assert answer["version"]


async def test_without_an_engineering_issue_the_teams_part_is_answered(world: World) -> None:
    team = await world.team()
    case = await world.case(team)

    asked = await case.act(team, "send-to-review", comment="Which version?")
    rejected = await case.act(team, "reject", **WHY)

    for answer, state in ((asked, "in-review"), (rejected, "rejected")):
        assert answer.keys() == {"ops_issue", "team", "state", "version", "position"}
        assert (answer["ops_issue"], answer["team"]) == (case.key, team)
        assert answer["state"] == state


async def test_asking_moves_the_linked_issue_to_the_review_status(world: World) -> None:
    team = await world.team()
    case = await world.case(team)
    issue = await case.claimed_by(team)

    asked = await case.act(team, "send-to-review", comment="Which version?")

    assert (asked["key"], asked["status"]) == (issue, REVIEW)
    again = await case.act(team, "send-to-review", comment="Which version, please?")
    assert again["version"] == asked["version"]


async def test_linking_and_unlinking_by_hand(world: World) -> None:
    team = await world.team()
    case = await world.case()
    issue = await world.own_issue(team)

    linked = await case.act(team, "link", issue=issue)
    again = await case.act(team, "link", issue=issue)
    assert linked["ops_issues"] == [case.key]
    assert again["version"] == linked["version"]
    shown = await case.is_in("New", {})
    assert [link["to"] for link in shown["links"]] == [issue]
    await case.act(team, "unlink", issue=issue)

    assert (await case.read())["links"] == []


async def test_a_team_has_one_issue_for_each_ops_issue(world: World) -> None:
    team = await world.team()
    case = await world.case()
    await case.act(team, "link", issue=await world.own_issue(team))

    answer = await case.acted(team, "link", {"issue": await world.own_issue(team)})

    problem(answer, 409, "one-issue-per-team")


async def test_a_team_links_issues_of_its_own(world: World) -> None:
    team, other = await world.team(), await world.team()
    case = await world.case()

    answer = await case.acted(team, "link", {"issue": await world.own_issue(other)})

    problem(answer, 409, "issue-of-another-team")


async def test_a_claim_stands_on_its_link(world: World) -> None:
    team = await world.team()
    case = await world.case(team)
    issue = await case.claimed_by(team)

    problem(await case.acted(team, "unlink", {"issue": issue}), 409, "team-holds-a-claim")


@pytest.mark.parametrize(
    ("action", "body"), [("reject", WHY), ("send-to-review", {"comment": "Which version?"})]
)
async def test_who_was_not_asked_has_no_say(world: World, action: str, body: Any) -> None:
    team = await world.team()
    case = await world.case()

    problem(await case.acted(team, action, body), 409, "team-not-assigned")


@pytest.mark.parametrize(
    ("action", "body"),
    [("claim", {}), ("reject", WHY), ("send-to-review", {"comment": "Which version?"})],
)
async def test_a_closed_ops_issue_is_operations_to_reopen(
    world: World, action: str, body: Any
) -> None:
    team = await world.team()
    case = await world.case(team)
    await case.tell("close", resolution="Done", comment="Verified.")

    problem(await case.acted(team, action, body), 409, "ops-issue-is-closed")

    await case.is_in("Issue is Closed", {team: "assigned"})


@pytest.mark.parametrize(
    ("action", "body"),
    [("claim", {}), ("reject", WHY), ("send-to-review", {"comment": "Which version?"})],
)
async def test_a_team_whose_work_is_closed_waits_for_a_return(
    world: World, action: str, body: Any
) -> None:
    team = await world.team()
    case = await world.case(team)
    issue = await case.claimed_by(team)
    await world.move(issue, "Done", resolution="Fixed", comment="Fixed in 7.2.")

    problem(await case.acted(team, action, body), 409, "work-is-closed")


@pytest.mark.parametrize(
    ("action", "body", "fields"),
    [
        ("reject", {}, {"comment", "belongs_to"}),
        ("reject", {"comment": "No."}, {"belongs_to"}),
        ("reject", {**WHY, "comment": " "}, {"comment"}),
        ("send-to-review", {}, {"comment"}),
        ("claim", {"comment": ""}, {"comment"}),
        ("claim", {"issue": "MOB-1"}, {"issue"}),
        ("link", {}, {"issue"}),
        ("link", {"issue": "just words"}, {"issue"}),
        ("link", {"issue": "NOSUCH-1"}, {"issue"}),
    ],
)
async def test_wrong_fields_are_named(
    world: World, action: str, body: dict[str, str], fields: set[str]
) -> None:
    team = await world.team()
    case = await world.case(team)

    assert wrong_fields(await case.acted(team, action, body)) == fields


async def test_a_team_or_case_that_is_not_there(world: World) -> None:
    team = await world.team()
    case = await world.case(team)

    problem(await case.acted("NOSUCHTEAM", "claim", {}), 404)
    keys = ("OPS-999999999", team, f"{team}-1", "nosuch:1")
    paths = (f"/teams/{team}/ops-issues/{key}/claim" for key in keys)
    for answer in await asyncio.gather(*(world.eng.ask("POST", path, {}) for path in paths)):
        problem(answer, 404)


async def test_a_case_is_acted_on_as_soon_as_it_is_opened(world: World) -> None:
    """Engineering waits for what Operations has only just said."""
    team = await world.team()
    for _ in range(10):
        opened = await world.ops.post("/issues", {"summary": "Now", "severity": "4 - Low"})
        await world.eng.post(f"/teams/{team}/ops-issues/{opened['key']}/claim")
