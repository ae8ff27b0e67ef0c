"""Domain §2, row by row, through both services: what each event makes of an issue's status."""

from __future__ import annotations

from typing import Any

import pytest

from tests.acceptance.world import REVIEW, Case, World, problem

pytestmark = [pytest.mark.integration]

OPEN = [
    "New",
    "Ops Ownership",
    "Waiting on Info",
    "Product Management Ownership",
    "Engineering Ownership",
    REVIEW,
]
HELD_BY_OPERATIONS = OPEN[1:4]
any_open_status = pytest.mark.parametrize("status", OPEN)
WHY = {"comment": "The API answers 500.", "belongs_to": "unknown"}


async def test_an_opened_issue_is_new(world: World) -> None:
    case = await world.case()

    await case.is_in("New", {})


@any_open_status
@pytest.mark.parametrize(
    ("command", "body", "after"),
    [
        ("take-ownership", {"assignee": "bo"}, "Ops Ownership"),
        ("await-info", {"from": "other", "comment": "Their logs."}, "Waiting on Info"),
        ("hand-to-product", {"pm": "Pim", "comment": "A project."}, "Product Management Ownership"),
        ("return-to-triage", {}, "New"),
        ("close", {"resolution": "Done", "comment": "Verified."}, "Issue is Closed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_operations_moves_it_from_any_open_status(
    world: World, status: str, command: str, body: dict[str, Any], after: str
) -> None:
    case = await world.case_in(status, await world.team())

    await case.tell(command, body)

    await case.is_in(after)


@any_open_status
async def test_assigning_and_unassigning_change_no_status(world: World, status: str) -> None:
    first, team = await world.team(), await world.team()
    case = await world.case_in(status, first)

    await case.tell("assign-team", team=team)
    await case.is_in(status)
    assert (await case.states())[team] == "assigned"
    await case.tell("unassign-team", team=team)

    await case.is_in(status)
    assert team not in await case.states()


@any_open_status
async def test_a_claim_brings_it_to_engineering(world: World, status: str) -> None:
    """In review too, where the only question is the claiming team's own."""
    first = await world.team()
    case = await world.case_in(status, first)
    team = await world.team() if status == "Engineering Ownership" else first

    await case.claimed_by(team)

    await case.is_in("Engineering Ownership")
    assert (await case.states())[team] == "claimed"


async def test_a_claim_does_not_hide_another_teams_question(world: World) -> None:
    asking, claiming = await world.team(), await world.team()
    case = await world.case_in(REVIEW, asking)

    await case.claimed_by(claiming)

    await case.is_in(REVIEW, {asking: "in-review", claiming: "claimed"})
    await case.claimed_by(asking)
    await case.is_in("Engineering Ownership", {asking: "claimed", claiming: "claimed"})


@any_open_status
async def test_a_question_brings_it_to_review(world: World, status: str) -> None:
    first, team = await world.team(), await world.team()
    case = await world.case_in(status, first, team)

    await case.act(team, "send-to-review", comment="Which version?")

    await case.is_in(REVIEW)
    assert (await case.states())[team] == "in-review"


@pytest.mark.parametrize("status", ["New", *HELD_BY_OPERATIONS])
async def test_an_unclaimed_rejection_pulls_nothing_away(world: World, status: str) -> None:
    team = await world.team()
    case = await world.case_in(status, team)

    await case.act(team, "reject", **WHY)

    await case.is_in(status)
    assert team not in await case.states()
    assert (await case.last("rejected"))["outcome"] == "applied"


async def test_an_unclaimed_rejection_of_a_question_goes_to_new(world: World) -> None:
    team = await world.team()
    case = await world.case_in(REVIEW, team)

    await case.act(team, "reject", **WHY)

    await case.is_in("New", {})


@pytest.mark.parametrize("status", OPEN)
@pytest.mark.parametrize("rejects", ["the claiming team", "another team"])
async def test_a_rejection_of_claimed_work_goes_to_review(
    world: World, status: str, rejects: str
) -> None:
    """A claim by anyone, the rejecting team included."""
    claiming, other = await world.team(), await world.team()
    case = await world.case(claiming, other)
    await case.claimed_by(claiming)
    await to(case, status, other)

    await case.act(claiming if rejects == "the claiming team" else other, "reject", **WHY)

    await case.is_in(REVIEW)


async def to(case: Case, status: str, asking: str) -> None:
    """Brings a claimed case into a status."""
    match status:
        case "New":
            await case.tell("return-to-triage")
        case "Ops Ownership":
            await case.tell("take-ownership", assignee="ada")
        case "Waiting on Info":
            await case.tell("await-info", {"from": "vendor"}, comment="Which firmware?")
        case "Product Management Ownership":
            await case.tell("hand-to-product", pm="Pia", comment="It needs a project.")
        case "Needs Ops Review":
            await case.act(asking, "send-to-review", comment="Which version?")
        case _:
            pass
    await case.is_in(status)


async def test_a_claim_whose_work_is_closed_still_counts_as_a_claim(world: World) -> None:
    done, other = await world.team(), await world.team()
    case = await world.case(done, other)
    issue = await case.claimed_by(done)
    await world.move(issue, "Done", resolution="Fixed", comment="Fixed in 7.2.")
    await case.tell("take-ownership", assignee="ada")

    await case.act(other, "reject", **WHY)

    await case.is_in(REVIEW, {done: "done"})


async def test_in_engineering_with_no_claim_left_a_rejection_goes_to_new(world: World) -> None:
    gone, other = await world.team(), await world.team()
    case = await world.case(gone, other)
    await case.claimed_by(gone)
    await case.tell("unassign-team", team=gone, comment="It is another's.")
    await case.is_in("Engineering Ownership", {other: "assigned"})

    await case.act(other, "reject", **WHY)

    await case.is_in("New", {})


@pytest.mark.parametrize("claimed", [True, False])
@pytest.mark.parametrize("status", [REVIEW, *HELD_BY_OPERATIONS])
async def test_a_return_goes_to_engineering_if_a_named_team_ever_claimed_it(
    world: World, status: str, claimed: bool
) -> None:
    team, asking = await world.team(), await world.team()
    case = await world.case(team, asking)
    if claimed:
        await case.claimed_by(team)
    await to(case, status, asking)

    await case.tell("return-to-engineering", teams=[team], comment="7.1")

    await case.is_in("Engineering Ownership" if claimed else "New")


async def test_a_return_while_a_question_is_open_in_any_open_status(world: World) -> None:
    team = await world.team()
    case = await world.case_in(REVIEW, team)
    await case.tell("return-to-triage")
    await case.is_in("New", {team: "in-review"})

    await case.tell("return-to-engineering", teams=[team], comment="7.1")

    await case.is_in("New", {team: "assigned"})


async def test_closed_work_returned_is_claimed_again_and_goes_on(world: World) -> None:
    team = await world.team()
    case = await world.case(team)
    issue = await case.claimed_by(team)
    await world.move(issue, "Done", resolution="Fixed", comment="Fixed in 7.2.")
    await case.is_in(REVIEW, {team: "done"})

    await case.tell("return-to-engineering", teams=[team], comment="It still fails.")

    await case.is_in("Engineering Ownership", {team: "claimed"})
    back = await world.eng.get(f"/issues/{issue}")
    assert (back["status"], back["resolution"]) == ("To Do", None)
    assert back["comments"][-1]["comment"] == "It still fails."
    moved = (await world.eng.history(issue))[-1]
    assert moved["actor"] == "system:caselog"
    assert (await case.last("progressed"))["data"]["to_status"] == "To Do"


async def test_the_status_waits_for_the_last_open_claim(world: World) -> None:
    """One team's close does not end another team's work."""
    first, second = await world.team(), await world.team()
    case = await world.case(first, second)
    issues = [await case.claimed_by(first), await case.claimed_by(second)]

    await world.move(issues[0], "Done", resolution="Fixed", comment="Our half.")
    await case.is_in("Engineering Ownership", {first: "done", second: "claimed"})
    await world.move(issues[1], "Done", resolution="Fixed", comment="Our half.")

    await case.is_in(REVIEW, {first: "done", second: "done"})


async def test_a_reopened_issue_is_reviewed_and_keeps_what_teams_had(world: World) -> None:
    claiming, asking, assigned = [await world.team() for _ in range(3)]
    case = await world.case(claiming, asking, assigned)
    await case.claimed_by(claiming)
    await case.act(asking, "send-to-review", comment="Which version?")
    kept = {claiming: "claimed", asking: "in-review", assigned: "assigned"}
    await case.is_in(REVIEW, kept)
    await case.tell("close", resolution="Done", comment="Verified.")
    closed = await case.is_in("Issue is Closed", kept)
    assert closed["resolution"] == "Done"

    await case.tell("reopen", reason="late-verification", comment="It is back.")

    reopened = await case.is_in(REVIEW, kept)
    assert reopened["resolution"] is None


async def test_closing_engineering_work_speaks_for_a_closed_ops_issue_too(world: World) -> None:
    """Recorded, marked late, and counted when the issue is reopened."""
    team = await world.team()
    case = await world.case(team)
    issue = await case.claimed_by(team)
    await case.tell("close", resolution="Done", comment="Verified.")

    await world.move(issue, "Done", resolution="Fixed", comment="Fixed in 7.2.")

    await case.is_in("Issue is Closed")
    late = await case.last("closed")
    assert (late["service"], late["outcome"]) == ("eng", "late")
    await case.tell("reopen", reason="correct-resolution", comment="It was a duplicate.")
    await case.is_in(REVIEW, {team: "done"})


async def test_a_question_is_not_asked_on_a_closed_ops_issue(world: World) -> None:
    team = await world.team()
    case = await world.case(team)
    issue = await case.claimed_by(team)
    await case.tell("close", resolution="Done", comment="Verified.")

    await world.move(issue, REVIEW, comment="Which version?")

    kinds = [entry["type"] for entry in await case.history()]
    assert "sent-to-review" not in kinds
    assert kinds[-1] == "progressed"


async def test_only_operations_closes(world: World) -> None:
    """Whatever Engineering does to its own work, the ops issue stays open."""
    team = await world.team()
    case = await world.case(team)
    issue = await case.claimed_by(team)
    for _ in range(2):
        await world.move(issue, "Done", resolution="Fixed", comment="Fixed in 7.2.")
        await case.is_in(REVIEW, {team: "done"})
        await world.move(issue, "In Progress")
        await case.is_in("Engineering Ownership", {team: "claimed"})
    assert (await case.last("claimed"))["data"]["origin"] == "reopened"


async def test_every_event_ends_in_one_recorded_outcome(world: World) -> None:
    team = await world.team()
    case = await world.case(team)
    issue = await case.claimed_by(team)
    await world.move(issue, "In Progress")
    await case.tell("close", resolution="Done", comment="Verified.")
    await world.move(issue, "To Do")

    for service in ("ops", "eng"):
        outcomes = [entry["outcome"] for entry in await case.history(service)]
        assert set(outcomes) <= {"applied", "duplicate", "late", "no-effect", "parked"}
    assert (await case.history())[-1]["outcome"] == "late"


async def test_a_life_from_the_first_call_to_the_last(world: World) -> None:
    """The whole of §2 as one story, with the history that tells it."""
    wrong, right = await world.team(), await world.team()
    case = await world.case(wrong)
    await case.act(wrong, "reject", comment="Not ours.", belongs_to=right)
    await case.is_in("New", {})
    await case.tell("assign-team", team=right)
    issue = await case.claimed_by(right)
    await case.act(right, "send-to-review", comment="Which version?")
    await case.is_in(REVIEW, {right: "in-review"})
    await case.tell("await-info", {"from": "customer"}, comment="Which version?")
    await case.tell("customer-responded", comment="7.1")
    await case.is_in("Waiting on Info", {right: "in-review"})
    await case.tell("return-to-engineering", teams=[right], comment="7.1")
    await case.is_in("Engineering Ownership", {right: "claimed"})
    await world.move(issue, "Done", resolution="Fixed", comment="Fixed in 7.2.")
    await case.is_in(REVIEW, {right: "done"})
    await case.tell("customer-updated", comment="It is fixed in 7.2.")
    await case.tell("close", resolution="Done", comment="Verified with the customer.")
    await case.is_in("Issue is Closed", {right: "done"})
    problem(await case.told("close", {"resolution": "Won't Do", "comment": "?"}), 409,
            "already-closed")  # fmt: skip
    await case.tell("reopen", reason="late-verification", comment="It is back.")
    await case.is_in(REVIEW, {right: "done"})

    entries = await case.history()
    assert [entry["version"] for entry in entries] == list(range(1, len(entries) + 1))
    positions = [entry["position"] for entry in entries]
    assert positions == sorted(set(positions))
    told = [entry["type"] for entry in entries if entry["type"] != "status-changed"]
    assert told == [
        *("opened", "team-assigned", "rejected", "team-assigned", "claimed", "sent-to-review"),
        *("info-awaited", "customer-responded", "returned-to-engineering", "progressed", "closed"),
        *("customer-updated", "closed", "reopened"),
    ]
