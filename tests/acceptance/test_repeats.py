"""Contract §6 and §8: ``Idempotency-Key``: a repeat answers as the first did."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from tests.acceptance.world import ISSUE, World, problem, wrong_fields

pytestmark = [pytest.mark.integration]

HEADER = "Idempotency-Key"


def same(first: httpx.Response, again: httpx.Response) -> None:
    assert again.status_code == first.status_code
    assert again.content == first.content
    for name in ("content-type", "etag", "caselog-position"):
        assert again.headers.get(name) == first.headers.get(name), name


async def test_an_issue_is_opened_once(world: World) -> None:
    headers = {HEADER: world.unique()}
    first = await world.ops.ask("POST", "/issues", ISSUE, headers=headers)
    before = (await world.ops.get("/lag"))["position"]

    again = await world.ops.ask("POST", "/issues", ISSUE, headers=headers)

    assert first.status_code == 201
    same(first, again)
    assert (await world.ops.get("/lag"))["position"] == before


async def test_a_repeat_answers_as_the_first_after_whatever_came_between(world: World) -> None:
    team = await world.team()
    case = await world.case(team)
    headers = {HEADER: world.unique()}
    body = {"from": "vendor", "comment": "Which firmware?"}
    first = await case.told("await-info", body, headers=headers)
    await case.claimed_by(team)
    await case.tell("close", resolution="Done", comment="Verified.")

    again = await case.told("await-info", body, headers=headers)

    same(first, again)
    assert first.json()["status"] == "Waiting on Info"
    await case.is_in("Issue is Closed")


async def test_concurrent_repeats_are_one_request(world: World) -> None:
    headers = {HEADER: world.unique()}

    answers = await asyncio.gather(
        *(world.ops.ask("POST", "/issues", ISSUE, headers=headers) for _ in range(20))
    )

    for answer in answers[1:]:
        same(answers[0], answer)
    assert len(await world.ops.history(answers[0].json()["key"])) == 1


async def test_concurrent_repeats_on_one_issue(world: World) -> None:
    case = await world.case()
    headers = {HEADER: world.unique()}
    body = {"body": "Once.", "visibility": "internal"}

    answers = await asyncio.gather(
        *(case.told("comment", body, headers=headers) for _ in range(20)),
        *(case.told("comment", {**body, "body": f"Another {n}."}) for n in range(20)),
    )

    for answer in answers[1:20]:
        same(answers[0], answer)
    said = [entry["data"] for entry in await case.history() if entry["type"] == "commented"]
    assert len(said) == 21
    assert sum(each["comment"] == "Once." for each in said) == 1


async def test_a_refusal_is_repeated_even_when_it_would_hold_no_more(world: World) -> None:
    case = await world.case()
    headers = {HEADER: world.unique()}
    body = {"reason": "late-verification", "comment": "It is back."}
    first = await case.told("reopen", body, headers=headers)
    await case.tell("close", resolution="Done", comment="Verified.")

    again = await case.told("reopen", body, headers=headers)

    problem(again, 409, "not-closed")
    same(first, again)
    assert (await case.told("reopen", body)).status_code == 200


@pytest.mark.parametrize(
    ("command", "body", "extra", "status"),
    [
        ("amend", {"severity": "urgent"}, {}, 422),
        ("amend", {"summary": "x" * (128 * 1024 + 1)}, {}, 413),
        ("amend", {"summary": "Late"}, {"If-Match": '"99"'}, 412),
        ("acknowledge", {}, {"Occurred-At": "2024-05-01T00:00:00Z"}, 403),
    ],
)
async def test_any_other_answer_is_repeated_too(
    world: World, command: str, body: dict[str, Any], extra: dict[str, str], status: int
) -> None:
    case = await world.case()
    headers = {HEADER: world.unique(), **extra}
    first = await case.told(command, body, headers=headers)
    await case.tell("amend", summary="Said otherwise")

    again = await case.told(command, body, headers=headers)

    problem(first, status)
    same(first, again)


async def test_what_is_not_there_is_not_there_again(world: World) -> None:
    headers = {HEADER: world.unique()}
    path = "/issues/OPS-999999999/acknowledge"
    first = await world.ops.ask("POST", path, {}, headers=headers)

    again = await world.ops.ask("POST", path, {}, headers=headers)

    problem(first, 404)
    same(first, again)


async def test_what_changed_nothing_is_repeated_too(world: World) -> None:
    case = await world.case()
    headers = {HEADER: world.unique()}
    first = await case.told("return-to-triage", {}, headers=headers)
    await case.tell("take-ownership", assignee="ada")

    again = await case.told("return-to-triage", {}, headers=headers)

    same(first, again)
    await case.is_in("Ops Ownership")


async def test_with_another_body_it_is_refused(world: World) -> None:
    headers = {HEADER: world.unique()}
    await world.ops.ask("POST", "/issues", ISSUE, headers=headers)

    answer = await world.ops.ask(
        "POST", "/issues", {**ISSUE, "summary": "Another"}, headers=headers
    )

    assert wrong_fields(answer) == {HEADER}


async def test_for_another_route_it_is_refused(world: World) -> None:
    case, other = await world.case(), await world.case()
    headers = {HEADER: world.unique()}
    await case.told("acknowledge", {}, headers=headers)

    assert wrong_fields(await other.told("acknowledge", {}, headers=headers)) == {HEADER}
    assert wrong_fields(await case.told("return-to-triage", {}, headers=headers)) == {HEADER}


async def test_everybody_has_keys_of_their_own(world: World) -> None:
    headers = {HEADER: world.unique()}

    answers = [
        await world.ops.ask("POST", "/issues", ISSUE, headers=headers, token=token)
        for token in (world.token("tier2", "ada"), world.token("tier2", "bo"))
    ]

    assert answers[0].json()["key"] != answers[1].json()["key"]


async def test_a_key_is_the_holders_not_the_tokens(world: World) -> None:
    headers = {HEADER: world.unique()}

    answers = [
        await world.ops.ask("POST", "/issues", ISSUE, headers=headers, token=token)
        for token in (world.token("tier2", "ada"), world.token("manager", "ada"))
    ]

    same(*answers)


@pytest.mark.parametrize("key", ["", "x" * 256, "two words"])
async def test_a_key_that_is_none(world: World, key: str) -> None:
    answer = await world.ops.ask("POST", "/issues", ISSUE, headers={HEADER: key})

    assert wrong_fields(answer) == {HEADER}


async def test_engineering_repeats_as_well(world: World) -> None:
    """A claim, which is refused when said twice without a key."""
    team = await world.team()
    case = await world.case(team)
    headers = {HEADER: world.unique()}
    first = await case.acted(team, "claim", {}, headers=headers)
    issue = first.json()["key"]
    await world.move(issue, "In Progress")

    again = await case.acted(team, "claim", {}, headers=headers)

    assert first.status_code == 200
    same(first, again)
    assert again.json()["status"] == "To Do"
    problem(await case.acted(team, "claim", {}), 409, "already-claimed")


async def test_engineering_repeats_every_kind_of_answer(world: World) -> None:
    team = await world.team()
    case = await world.case(team)
    own = {"team": team, "summary": "Ours", "severity": "4 - Low"}
    asked = f"/teams/{team}/ops-issues/{case.key}/send-to-review"
    requests: list[tuple[str, str, Any]] = [
        ("PUT", f"/teams/{team}", {"name": "Renamed"}),
        ("POST", "/issues", own),
        ("POST", asked, {"comment": "Which version?"}),
        ("POST", f"/issues/{team}-1/assign", {"assignee": "eve"}),
        ("POST", f"/issues/{team}-1/move", {"status": "Done"}),
    ]
    firsts = []
    for number, (method, path, body) in enumerate(requests):
        headers = {HEADER: f"{team}-{number}"}
        firsts.append(await world.eng.ask(method, path, body, headers=headers))
    await world.eng.ask("PUT", f"/teams/{team}", {"name": "Renamed again"})
    await world.move(f"{team}-1", "In Progress")

    for number, (method, path, body) in enumerate(requests):
        headers = {HEADER: f"{team}-{number}"}
        same(firsts[number], await world.eng.ask(method, path, body, headers=headers))
    assert [answer.status_code for answer in firsts] == [200, 201, 200, 200, 409]
