"""Domain §1 and §3: one engineering issue that serves several ops issues."""

from __future__ import annotations

import pytest

from tests.acceptance.world import REVIEW, Case, World

pytestmark = [pytest.mark.integration]


async def shared(world: World, *, claims: int = 2, links: int = 2) -> tuple[str, str, list[Case]]:
    """A team's issue that serves some cases, on the first of which the team holds a claim."""
    team = await world.team()
    cases = [await world.case(team) for _ in range(links)]
    issue = await cases[0].claimed_by(team)
    for number, case in enumerate(cases[1:], start=2):
        await case.act(team, "link", issue=issue)
        if number <= claims:
            await case.claimed_by(team, comment="The same defect.")
    return team, issue, cases


async def test_all_its_cases_are_shown(world: World) -> None:
    _, issue, cases = await shared(world, links=3, claims=3)

    assert (await world.eng.get(f"/issues/{issue}"))["ops_issues"] == [c.key for c in cases]
    for case in cases:
        assert (await case.read())["links"][0]["to"] == issue


async def test_closing_it_closes_the_work_on_every_claimed_case(world: World) -> None:
    team, issue, cases = await shared(world, links=3, claims=2)

    await world.move(issue, "Done", resolution="Fixed", comment="Fixed in 7.2.")

    for case in cases[:2]:
        await case.is_in(REVIEW, {team: "done"})
    await cases[2].is_in("New", {team: "assigned"})
    assert (await cases[2].history())[-1]["type"] == "progressed"


async def test_a_question_sent_on_one_case_is_asked_there_alone(world: World) -> None:
    """The issue moves to the review status once, without asking on the others."""
    team, issue, cases = await shared(world)

    await cases[0].act(team, "send-to-review", comment="Which version?")

    assert (await world.eng.get(f"/issues/{issue}"))["status"] == REVIEW
    await cases[0].is_in(REVIEW, {team: "in-review"})
    await cases[1].is_in("Engineering Ownership", {team: "claimed"})
    assert (await cases[1].history())[-1]["type"] == "progressed"
    await cases[1].act(team, "send-to-review", comment="And here?")
    await cases[1].is_in(REVIEW, {team: "in-review"})


async def test_moving_it_to_review_by_hand_asks_on_all(world: World) -> None:
    team, issue, cases = await shared(world)

    await world.move(issue, REVIEW, comment="Which version?")

    for case in cases:
        await case.is_in(REVIEW, {team: "in-review"})


async def test_returning_one_case_leaves_the_questions_of_the_others_open(world: World) -> None:
    team, issue, cases = await shared(world)
    await world.move(issue, REVIEW, comment="Which version?")

    await cases[0].tell("return-to-engineering", teams=[team], comment="7.1")

    assert (await world.eng.get(f"/issues/{issue}"))["status"] == "To Do"
    await cases[0].is_in("Engineering Ownership", {team: "claimed"})
    await cases[1].is_in(REVIEW, {team: "in-review"})


async def test_a_case_that_was_done_stays_done_when_another_is_returned(world: World) -> None:
    """The fold of each case decides, not the shared issue's status."""
    team, issue, cases = await shared(world)
    await world.move(issue, "Done", resolution="Fixed", comment="Fixed in 7.2.")

    await cases[0].tell("return-to-engineering", teams=[team], comment="It still fails.")

    await cases[0].is_in("Engineering Ownership", {team: "claimed"})
    await cases[1].is_in(REVIEW, {team: "done"})
    assert (await world.eng.get(f"/issues/{issue}"))["status"] == "To Do"


async def test_moving_closed_work_back_takes_it_up_on_every_case(world: World) -> None:
    team, issue, cases = await shared(world)
    await world.move(issue, "Done", resolution="Fixed", comment="Fixed in 7.2.")

    await world.move(issue, "In Progress")

    for case in cases:
        await case.is_in("Engineering Ownership", {team: "claimed"})
        assert (await case.last("claimed"))["data"]["origin"] == "reopened"


async def test_rejecting_one_case_leaves_the_issue_to_the_others(world: World) -> None:
    team, issue, cases = await shared(world)

    await cases[0].act(team, "reject", comment="Not this one.", belongs_to="unknown")

    left = await world.eng.get(f"/issues/{issue}")
    assert (left["ops_issues"], left["status"]) == ([cases[1].key], "To Do")
    await cases[0].is_in(REVIEW, {})
    await cases[1].is_in("Engineering Ownership", {team: "claimed"})


async def test_a_comment_on_it_reaches_every_case(world: World) -> None:
    team, issue, cases = await shared(world)

    said = {"body": "A workaround: landscape.", "visibility": "public"}
    await world.eng.post(f"/issues/{issue}/comment", said)
    await world.settled()

    for case in cases:
        commented = (await case.last("commented"))["data"]
        assert (commented["team"], commented["issue"]) == (team, issue)
        assert commented["comment"] == "A workaround: landscape."


async def test_claiming_with_one_that_is_closed_takes_it_back_to_work(world: World) -> None:
    team, issue, _ = await shared(world)
    await world.move(issue, "Done", resolution="Fixed", comment="Fixed in 7.2.")
    another = await world.case(team)
    await another.act(team, "link", issue=issue)

    await another.claimed_by(team, comment="It is the same.")

    assert (await world.eng.get(f"/issues/{issue}"))["status"] == "To Do"
    await another.is_in("Engineering Ownership", {team: "claimed"})


async def test_one_case_may_be_worked_on_by_several_teams(world: World) -> None:
    team, issue, cases = await shared(world)
    other = await world.team()

    theirs = await cases[0].claimed_by(other)

    await cases[0].is_in("Engineering Ownership", {team: "claimed", other: "claimed"})
    links = {link["to"] for link in (await cases[0].read())["links"]}
    assert links == {issue, theirs}
