"""Domain §3, crossing cases: the bus holds its breath, both sides act, and then they hear.

The broker's process is stopped and continued, so that what each side says crosses the other's words
for certain.
"""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.world import REVIEW, Case, World, good
from tests.kit.stack import part_pid

pytestmark = [pytest.mark.integration]

Apart = Callable[[], AbstractAsyncContextManager[None]]
CLOSED = {"resolution": "Done", "comment": "Verified."}
FIXED = {"status": "Done", "resolution": "Fixed", "comment": "Fixed in 7.2."}


@pytest.fixture
def apart(stack_data: Path, world: World) -> Apart:
    """Opens a block in which nothing reaches the other service until it ends."""

    @asynccontextmanager
    async def stopped() -> AsyncIterator[None]:
        await world.settled()
        broker = part_pid(stack_data, "nats")
        os.kill(broker, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(broker, signal.SIGCONT)
        await world.settled()

    return stopped


async def ops_says(case: Case, command: str, body: dict[str, Any]) -> None:
    good(await case.told(command, body))


async def eng_says(case: Case, team: str, action: str, body: dict[str, Any]) -> None:
    good(await case.acted(team, action, body))


async def moves(world: World, issue: str, body: dict[str, Any]) -> None:
    good(await world.eng.ask("POST", f"/issues/{issue}/move", body))


async def test_a_claim_that_crosses_an_unassignment_stands(world: World, apart: Apart) -> None:
    """It is the later fact in Operations' log: the team joins Team(s) again."""
    team = await world.team()
    case = await world.case(team)

    async with apart():
        await ops_says(case, "unassign-team", {"team": team})
        await eng_says(case, team, "claim", {})

    await case.is_in("Engineering Ownership", {team: "claimed"})
    answer = await case.acted(team, "claim", {})
    assert answer.json()["rule"] == "already-claimed"


async def test_a_return_that_meets_work_just_closed_is_answered(world: World, apart: Apart) -> None:
    """With claimed, origin ``reopened``, and the issue goes back to work."""
    team = await world.team()
    case = await world.case(team)
    issue = await case.claimed_by(team)
    await case.act(team, "send-to-review", comment="Which version?")

    async with apart():
        await ops_says(case, "return-to-engineering", {"teams": [team], "comment": "7.1"})
        await moves(world, issue, FIXED)

    await case.is_in("Engineering Ownership", {team: "claimed"})
    assert (await case.last("claimed"))["data"]["origin"] == "reopened"
    assert (await world.eng.get(f"/issues/{issue}"))["status"] == "To Do"


async def test_a_question_that_crosses_the_closing_does_not_count(
    world: World, apart: Apart
) -> None:
    team = await world.team()
    case = await world.case(team)
    await case.claimed_by(team)

    async with apart():
        await ops_says(case, "close", CLOSED)
        await eng_says(case, team, "send-to-review", {"comment": "Which version?"})

    await case.is_in("Issue is Closed", {team: "claimed"})
    assert (await case.last("sent-to-review"))["outcome"] == "late"
    await case.tell("reopen", reason="late-verification", comment="It is back.")
    await case.is_in(REVIEW, {team: "claimed"})
    await case.act(team, "send-to-review", comment="Once more: which version?")
    await case.is_in(REVIEW, {team: "in-review"})


async def test_a_claim_that_crosses_the_closing_counts_when_reopened(
    world: World, apart: Apart
) -> None:
    team = await world.team()
    case = await world.case(team)

    async with apart():
        await ops_says(case, "close", CLOSED)
        await eng_says(case, team, "claim", {})

    assert (await case.last("claimed"))["outcome"] == "late"
    await case.is_in("Issue is Closed")
    await case.tell("reopen", reason="late-verification", comment="It is back.")
    await case.is_in(REVIEW, {team: "claimed"})


async def test_a_rejection_that_crosses_the_closing_counts_when_reopened(
    world: World, apart: Apart
) -> None:
    team = await world.team()
    case = await world.case(team)

    async with apart():
        await ops_says(case, "close", CLOSED)
        await eng_says(case, team, "reject", {"comment": "No.", "belongs_to": "unknown"})

    await case.is_in("Issue is Closed")
    await case.tell("reopen", reason="late-verification", comment="It is back.")
    await case.is_in(REVIEW, {})


async def test_a_closing_that_crosses_an_unassignment_has_no_claim_to_end(
    world: World, apart: Apart
) -> None:
    """Operations took the claim away knowing of it; the team closes its issue itself."""
    team = await world.team()
    case = await world.case(team)
    issue = await case.claimed_by(team)

    async with apart():
        await ops_says(case, "unassign-team", {"team": team, "comment": "It is the API's."})
        await moves(world, issue, FIXED)

    await case.is_in(REVIEW, {})
    assert (await case.last("closed"))["outcome"] in {"applied", "no-effect"}
    # Engineering sees it the same way: the team may claim again, with the issue that is linked.
    assert await case.claimed_by(team, comment="It is ours after all.") == issue
    await case.is_in("Engineering Ownership", {team: "claimed"})


async def test_an_assignment_that_crosses_a_rejection(world: World, apart: Apart) -> None:
    """Said twice by Operations it changes nothing there; the rejection comes later and counts."""
    team = await world.team()
    case = await world.case(team)

    async with apart():
        await ops_says(case, "assign-team", {"team": team})
        await eng_says(case, team, "reject", {"comment": "No.", "belongs_to": "unknown"})

    await case.is_in("New", {})
    await case.tell("assign-team", team=team)
    await case.is_in("New", {team: "assigned"})
    await case.claimed_by(team)


async def test_a_return_of_one_team_while_another_closes(world: World, apart: Apart) -> None:
    asking, working = await world.team(), await world.team()
    case = await world.case(asking, working)
    issue = await case.claimed_by(working)
    await case.act(asking, "send-to-review", comment="Which version?")

    async with apart():
        await ops_says(case, "return-to-engineering", {"teams": [asking], "comment": "7.1"})
        await moves(world, issue, FIXED)

    await case.is_in(REVIEW, {asking: "assigned", working: "done"})


async def test_what_both_said_meanwhile_is_in_both_logs_in_the_same_bytes(
    world: World, apart: Apart
) -> None:
    team = await world.team()
    case = await world.case(team)
    issue = await case.claimed_by(team)

    async with apart():
        for number in range(20):
            said = {"body": f"ops {number}", "visibility": "internal"}
            await ops_says(case, "comment", said)
            said = {"body": f"eng {number}", "visibility": "internal"}
            good(await world.eng.ask("POST", f"/issues/{issue}/comment", said))

    ops = {e["id"]: e["data"] for e in await case.history() if e["type"] == "commented"}
    eng = {e["id"]: e["data"] for e in await case.history("eng") if e["type"] == "commented"}
    assert len(ops) == 40
    assert ops == eng


async def test_an_amendment_and_a_claim_cross(world: World, apart: Apart) -> None:
    """The clone was made of what Engineering knew; then it is told."""
    team = await world.team()
    case = await world.case(team)

    async with apart():
        await ops_says(case, "amend", {"summary": "Said otherwise", "severity": "1 - Critical"})
        claimed = await case.acted(team, "claim", {})

    issue = await world.eng.get(f"/issues/{claimed.json()['key']}")
    assert (issue["summary"], issue["severity"]) == ("Said otherwise", "1 - Critical")
    await case.is_in("Engineering Ownership", {team: "claimed"})
