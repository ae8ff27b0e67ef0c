"""Contract §4, §5 and §8: lists, filters, full text, queues; pages that lose and repeat nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.acceptance.world import ISSUE, Json, Service, World, good, problem, wrong_fields

pytestmark = [pytest.mark.integration]

HIGH = "2 - High"


async def everything(service: Service, path: str, limit: int = 100, **filters: Any) -> list[Json]:
    """All pages of a list, as one reader of the log's present state sees them."""
    items: list[Json] = []
    cursor: str | None = None
    while True:
        page = await after_all(service, path, limit=limit, cursor=cursor, **filters)
        assert page.keys() == {"items", "next_cursor"}
        assert len(page["items"]) <= limit
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items


async def after_all(service: Service, path: str, **parameters: Any) -> Any:
    """A read that holds all that was written before."""
    lag = await service.ask("GET", "/lag", role="auditor")
    headers = {"Caselog-Min-Position": lag.headers["caselog-position"]}
    given = {name: value for name, value in parameters.items() if value is not None}
    return good(await service.ask("GET", path, role="auditor", params=given, headers=headers))


async def keys(world: World, **filters: Any) -> list[str]:
    return [item["key"] for item in await everything(world.ops, "/issues", **filters)]


async def test_a_list_shows_issues_as_they_are(world: World) -> None:
    team = await world.team()
    case = await world.case(team)
    await case.claimed_by(team)

    (item,) = await everything(world.ops, "/issues", team=team)

    assert item == await case.read()


async def test_every_filter_narrows(world: World) -> None:
    team = await world.team()
    number = world.unique("INC")
    ada = world.unique("ada")
    case = await world.case(
        team, severity=HIGH, source_case={"system": "servicenow", "number": number}
    )
    await case.tell("take-ownership", assignee=ada)
    other = await world.case(team)

    assert await keys(world, team=team) == [case.key, other.key]
    assert await keys(world, team=team, status="Ops Ownership") == [case.key]
    assert await keys(world, team=team, status="New") == [other.key]
    assert await keys(world, team=team, severity=HIGH) == [case.key]
    assert await keys(world, assignee=ada) == [case.key]
    assert await keys(world, source_case=f"servicenow:{number}") == [case.key]
    assert await keys(world, team=team, severity=HIGH, status="New") == []
    assert await keys(world, team="NOSUCHTEAM") == []


async def test_full_text_finds_summary_description_and_comments(world: World) -> None:
    word = world.unique("zirkon").lower()
    in_summary = await world.case(summary=f"The {word} camera fails")
    in_description = await world.case(description=f"After the {word}, “again”.")
    in_comment = await world.case()
    await in_comment.tell("comment", body=f"Is it the {word}?", visibility="internal")
    await world.case(summary="The other camera fails")

    found = await keys(world, q=word)

    assert found == [in_summary.key, in_description.key, in_comment.key]
    assert await keys(world, q=f"{word} camera") == [in_summary.key]
    assert await keys(world, q=f"{word} -camera") == [in_description.key, in_comment.key]
    assert await keys(world, q=f'"{word} camera"') == [in_summary.key]


@pytest.mark.parametrize("q", ["'", '"', "a & | !", "--", ":*", "%", "\\", "<->", "(", "😀", " "])
async def test_whatever_is_searched_for_is_no_error(world: World, q: str) -> None:
    assert "items" in await world.ops.get("/issues", q=q, limit=1)


async def test_pages_lose_and_repeat_nothing_while_issues_are_added(world: World) -> None:
    team = await world.team()
    first = [(await world.case(team)).key for _ in range(7)]
    found: list[str] = []
    cursor: str | None = None
    added: list[str] = []
    while True:
        page = await after_all(world.ops, "/issues", team=team, limit=2, cursor=cursor)
        found += [item["key"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        if len(added) < 2:
            added.append((await world.case(team)).key)

    assert found == [*first, *added]


async def test_a_cursor_is_for_its_list_alone(world: World) -> None:
    team = await world.team()
    for _ in range(2):
        await world.case(team)
    cursor = (await after_all(world.ops, "/issues", team=team, limit=1))["next_cursor"]
    assert cursor

    for path, filters in (("/issues", {"status": "New"}), ("/issues", {})):
        answer = await world.ops.ask("GET", path, params={**filters, "cursor": cursor})
        assert wrong_fields(answer) == {"cursor"}
    answer = await world.eng.ask("GET", "/issues", params={"team": team, "cursor": cursor})
    assert wrong_fields(answer) == {"cursor"}
    broken = f"{cursor[:-2]}AA"
    answer = await world.ops.ask("GET", "/issues", params={"team": team, "cursor": broken})
    assert wrong_fields(answer) == {"cursor"}


async def test_a_list_as_of_a_past_moment(world: World) -> None:
    team = await world.team()
    case = await world.case(team)
    assigned = (await case.read())["position"]
    await case.claimed_by(team)
    await world.case(team)

    then = await everything(world.ops, "/issues", team=team, as_of=assigned)

    assert [(item["key"], item["status"]) for item in then] == [(case.key, "New")]
    assert await everything(world.ops, "/issues", team=team, as_of=assigned - 1) == []
    assert await keys(world, team=team, status="Engineering Ownership", as_of=assigned) == []
    assert await keys(world, team=team, status="Engineering Ownership") == [case.key]


async def test_queues_of_operations(world: World) -> None:
    team, ada = await world.team(), world.unique("ada")
    token = world.token("tier2", ada)
    untouched = await world.case()
    waiting = await world.case()
    await waiting.tell("await-info", {"from": "customer"}, comment="Which version?")
    asked = await world.case_in("Needs Ops Review", team)
    mine = await world.case()
    await mine.tell("take-ownership", assignee=ada)

    async def queue(name: str) -> set[str]:
        return set(await keys(world, queue=name, limit=1000))

    assert {untouched.key} <= await queue("new")
    assert {untouched.key} <= await queue("unacknowledged")
    assert not {waiting.key, mine.key} & await queue("unacknowledged")
    assert {waiting.key} <= await queue("waiting-on-customer")
    assert {asked.key} <= await queue("needs-review")
    assert await queue(f"team:{team}") == {asked.key}
    own = good(await world.ops.ask("GET", "/issues", params={"queue": "mine"}, token=token))
    assert [item["key"] for item in own["items"]] == [mine.key]
    queues = await after_all(world.ops, "/queues")
    counts = {row["queue"]: row["count"] for row in queues["items"]}
    assert counts.keys() >= {
        *("new", "unacknowledged", "waiting-on-customer", "needs-review", "mine", f"team:{team}"),
    }
    assert counts[f"team:{team}"] == 1
    await asked.tell("close", resolution="Done", comment="Verified.")
    assert await queue(f"team:{team}") == set()


async def test_a_queue_that_there_is_not(world: World) -> None:
    answer = await world.ops.ask("GET", "/issues", params={"queue": "lost"})

    assert wrong_fields(answer) == {"queue"}


async def test_the_queue_of_a_team(world: World) -> None:
    """Asked and neither claimed nor rejected, then owned; by severity, then age."""
    team, other = await world.team(), await world.team()
    owned = await world.case(team)
    await owned.claimed_by(team)
    low = await world.case(team, severity="4 - Low")
    high = await world.case(team, severity=HIGH)
    high_later = await world.case(team, severity=HIGH)
    rejected = await world.case(team)
    await rejected.act(team, "reject", comment="No.", belongs_to=other)
    closed = await world.case(team)
    await closed.tell("close", resolution="Done", comment="Verified.")
    await world.case(other)

    rows = await everything(world.eng, f"/teams/{team}/queue", limit=2)

    assert [row["ops_issue"] for row in rows] == [high.key, high_later.key, low.key, owned.key]


async def test_a_queue_of_no_team(world: World) -> None:
    problem(await world.eng.ask("GET", "/teams/NOSUCHTEAM/queue"), 404)


async def test_teams_are_listed(world: World) -> None:
    teams = [await world.team(), await world.team()]

    found = {item["team"]: item for item in await everything(world.eng, "/teams", limit=1000)}

    assert found.keys() >= set(teams)
    assert found[teams[0]]["workflow"]["review"] == "Needs Ops Review"


async def test_boards_are_listed(world: World) -> None:
    team = await world.team()
    own = await world.own_issue(team)
    case = await world.case(team)
    clone = await case.claimed_by(team)
    await world.move(own, "In Progress")

    async def listed(**filters: str) -> list[str]:
        return [item["key"] for item in await everything(world.eng, "/issues", 1, **filters)]

    assert await listed(team=team) == [own, clone]
    assert await listed(team=team, status="In Progress") == [own]
    assert await listed(ops_issue=case.key) == [clone]
    (item,) = await everything(world.eng, "/issues", ops_issue=case.key)
    assert item == await world.eng.get(f"/issues/{clone}")


async def test_dead_letters_are_paged_too(world: World) -> None:
    for number in range(3):
        content = f"{world.unique('letter')} {number}".encode()
        headers = {"Content-Type": "application/cloudevents+json"}
        await world.ops.ask("POST", "/events", role="system", headers=headers, content=content)

    letters = await everything(world.ops, "/dead-letters", limit=50)

    assert len({letter["id"] for letter in letters}) == len(letters) >= 3
    assert good(await world.ops.ask("POST", "/issues", ISSUE))["key"]
