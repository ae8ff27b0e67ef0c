"""Contract §3 and §8: ``POST /events``, the CloudEvents HTTP binding."""

from __future__ import annotations

import pytest

from tests.acceptance.publishing import STRUCTURED, Publisher, binary_message, encoded
from tests.acceptance.world import ISSUE, World, problem, wrong_fields

pytestmark = [pytest.mark.integration]

MODES = pytest.mark.parametrize("binary", [False, True], ids=["structured", "binary"])


@MODES
async def test_an_issue_is_opened_and_the_receipt_answered_and_published(
    world: World, publisher: Publisher, binary: bool
) -> None:
    event = publisher.event("ops", "opened", ISSUE, time="2024-05-01T12:00:00Z")

    answer = await publisher.post(event, binary=binary)

    assert answer.status_code == 200
    receipt = answer.json()
    assert receipt["outcome"] == "recorded"
    assert await publisher.receipt(event["id"]) == receipt
    assert answer.headers["caselog-position"] >= str(receipt["position"])
    (entry,) = await world.ops.history(receipt["key"])
    assert entry["occurred_at"] == "2024-05-01T12:00:00Z"
    assert entry["actor"] == f"system:{publisher.system}"


@MODES
async def test_a_repeat_is_a_duplicate(publisher: Publisher, binary: bool) -> None:
    event = publisher.event("ops", "opened", ISSUE)
    first = (await publisher.post(event)).json()

    again = await publisher.post(event, binary=binary)

    assert again.status_code == 200
    assert again.json() == {**first, "outcome": "duplicate"}


async def test_the_port_decides_the_service(world: World, publisher: Publisher) -> None:
    team = await world.team()
    case = await world.case(team)
    event = publisher.event("eng", "claimed", {"team": team}, subject=case.key)
    elsewhere, here = [
        await service.ask(
            "POST",
            "/events",
            role="system",
            headers={"Content-Type": STRUCTURED},
            content=encoded(event),
        )
        for service in world.services
    ]

    assert wrong_fields(elsewhere) == {"type"}
    assert here.json()["outcome"] == "recorded"
    await world.settled()
    await case.is_in("Engineering Ownership", {team: "claimed"})


async def test_a_rule_refuses_with_409(world: World, publisher: Publisher) -> None:
    case = await world.case()
    event = publisher.event(
        "ops", "reopen", {"reason": "late-verification", "comment": "Again."}, subject=case.key
    )

    answer = await publisher.post(event)

    problem(answer, 409, "not-closed")
    receipt = await publisher.receipt(event["id"])
    assert (receipt["outcome"], receipt["rule"]) == ("refused", "not-closed")


@pytest.mark.parametrize("size", [2 * 1024 * 1024 + 1, 8 * 1024 * 1024])
async def test_what_is_larger_than_any_request_is_413(
    world: World, publisher: Publisher, size: int
) -> None:
    answer = await world.ops.ask(
        "POST", "/events", role="system", headers={"Content-Type": STRUCTURED}, content=b"x" * size
    )

    problem(answer, 413)
    assert (await publisher.post(publisher.event("ops", "opened", ISSUE))).status_code == 200


async def test_several_headers_of_one_name_are_refused(world: World, publisher: Publisher) -> None:
    body, headers = binary_message(publisher.event("ops", "opened", ISSUE))
    token = world.endpoints.tokens["system"]
    sent = [*headers.items(), ("ce-id", "another"), ("Authorization", f"Bearer {token}")]

    answer = await world.ops.client.post("/events", headers=sent, content=body)

    assert wrong_fields(answer) == {"ce-id"}


async def test_the_system_is_the_first_segment_of_the_source(
    world: World, publisher: Publisher
) -> None:
    system = world.unique("sys")
    event = publisher.event("ops", "opened", ISSUE, source=f"/{system}")

    receipt = (await publisher.post(event)).json()

    assert (await world.ops.history(receipt["key"]))[0]["actor"] == f"system:{system}"
    assert (await world.ops.get(f"/issues/{receipt['key']}"))["reporter"] == system
