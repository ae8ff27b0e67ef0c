"""What operators do with messages that could not be processed, and see of the exchange."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.acceptance.publishing import STRUCTURED, Publisher, encoded
from tests.acceptance.world import ISSUE, Json, World, good, problem, wrong_fields

pytestmark = [pytest.mark.integration]

LETTER = {
    *("id", "received_at", "route", "state", "reason", "rule", "times", "note", "headers"),
    *("body", "text"),
}


async def kept(world: World, publisher: Publisher, event: Json) -> Json:
    """The dead letter that an event over HTTP becomes."""
    headers = {"Content-Type": STRUCTURED}
    await world.ops.ask("POST", "/events", role="system", headers=headers, content=encoded(event))
    letter = await publisher.dead_letters.find("ops", encoded(event))
    assert letter is not None
    return letter


async def operate(world: World, letter: Json, act: str, body: Any = None) -> Any:
    path = f"/dead-letters/{letter['id']}/{act}"
    return await world.ops.ask("POST", path, body, role="operator")


async def test_a_letter_is_shown_with_all_that_came(world: World, publisher: Publisher) -> None:
    event = publisher.event("ops", "opened", {"summary": "ä"})

    letter = await kept(world, publisher, event)

    assert letter.keys() == LETTER
    assert letter["text"].encode() == encoded(event)
    assert ["content-type", STRUCTURED] in letter["headers"]
    assert "data.severity" in letter["reason"]
    assert await world.ops.get(f"/dead-letters/{letter['id']}") == letter


async def test_what_is_still_wrong_stays_open(world: World, publisher: Publisher) -> None:
    letter = await kept(world, publisher, publisher.event("ops", "opened", {"summary": "ä"}))

    receipt = good(await operate(world, letter, "retry"))

    assert (receipt["outcome"], receipt["rule"]) == ("refused", "invalid")
    assert (await world.ops.get(f"/dead-letters/{letter['id']}"))["state"] == "open"


async def test_what_became_right_is_processed(world: World, publisher: Publisher) -> None:
    """A team that was not defined when it claimed."""
    team = world.unique()
    case = await world.case()
    event = publisher.event("eng", "claimed", {"team": team}, subject=case.key)
    await publisher.post(event)
    letter = await publisher.dead_letters.find("eng", encoded(event))
    assert letter is not None
    good(await world.eng.ask("PUT", f"/teams/{team}", {"name": "New"}))

    path = f"/dead-letters/{letter['id']}/retry"
    receipt = good(await world.eng.ask("POST", path, role="operator"))

    assert (receipt["outcome"], receipt["key"]) == ("recorded", case.key)
    await world.settled()
    await case.is_in("Engineering Ownership", {team: "claimed"})
    assert (await world.eng.get(f"/dead-letters/{letter['id']}"))["state"] == "retried"


async def test_one_is_set_aside_with_the_reason(world: World, publisher: Publisher) -> None:
    letter = await kept(world, publisher, publisher.event("ops", "opened", {"summary": "ä"}))

    answer = good(await operate(world, letter, "discard", {"reason": "A test."}))

    assert answer["state"] == "discarded"
    assert "A test." in answer["note"]
    assert wrong_fields(await operate(world, letter, "discard", {})) == {"reason"}


@pytest.mark.parametrize("letter", ["00000000-0000-7000-8000-000000000000", "nonsense"])
async def test_a_letter_that_is_not_there(world: World, letter: str) -> None:
    for method, path in (
        ("GET", f"/dead-letters/{letter}"),
        ("POST", f"/dead-letters/{letter}/retry"),
        ("POST", f"/dead-letters/{letter}/discard"),
    ):
        body = {"reason": "None."} if path.endswith("discard") else None
        problem(await world.ops.ask(method, path, body, role="operator"), 404)


async def test_the_lag_of_a_quiet_pair_is_nothing(world: World) -> None:
    await world.case(await world.team())

    await world.settled()

    for service in world.services:
        lag = good(await service.ask("GET", "/lag", role="operator"))
        assert lag["position"] >= lag["sequence"] > 0
        assert lag["trouble"] == {}
        assert lag["dead_letters"] >= 0
        assert all(position <= lag["position"] for position in lag["projections"].values())


async def test_many_at_once_are_all_answered(world: World) -> None:
    answers = await asyncio.gather(*(world.ops.ask("POST", "/issues", ISSUE) for _ in range(200)))

    assert {answer.status_code for answer in answers} == {201}
    keys = {answer.json()["key"] for answer in answers}
    positions = {answer.json()["position"] for answer in answers}
    assert len(keys) == len(positions) == 200
