"""Contract §6: ``If-Match``, ``Caselog-Position``, ``Caselog-Min-Position``, ``Occurred-At``."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.acceptance.world import ISSUE, World, good, problem, wrong_fields

pytestmark = [pytest.mark.integration]

BOTH = pytest.mark.parametrize("name", ["ops", "eng"])
MIN_POSITION = "Caselog-Min-Position"
LABEL = {"label": "vip"}


@pytest.mark.parametrize("tag", ['"1"', '"7", "1"', "*"])
async def test_a_version_that_matches(world: World, tag: str) -> None:
    case = await world.case()

    answer = await case.told("add-label", LABEL, headers={"If-Match": tag})

    assert answer.status_code == 200
    assert answer.headers["etag"] == '"2"'
    shown = await world.ops.ask("GET", f"/issues/{case.key}")
    assert shown.headers["etag"] == '"2"'
    assert shown.json()["version"] == 2


@pytest.mark.parametrize("tag", ['"2"', '"0"', 'W/"1"', '"one"', '"99999999999999999999"'])
async def test_a_version_that_does_not_match(world: World, tag: str) -> None:
    case = await world.case()

    problem(await case.told("add-label", LABEL, headers={"If-Match": tag}), 412)

    assert (await case.read())["version"] == 1


@pytest.mark.parametrize("tag", ["1", "'1'", '"1', "", '"1" "2"'])
async def test_a_version_that_is_no_tag(world: World, tag: str) -> None:
    case = await world.case()

    answer = await case.told("add-label", LABEL, headers={"If-Match": tag})

    assert wrong_fields(answer) == {"If-Match"}


async def test_of_many_for_one_version_one_wins(world: World) -> None:
    case = await world.case()

    answers = await asyncio.gather(
        *(case.told("add-label", {"label": str(n)}, headers={"If-Match": '"1"'}) for n in range(10))
    )

    assert sorted(answer.status_code for answer in answers) == [200, *[412] * 9]
    assert len((await case.read())["labels"]) == 1


async def test_what_changes_nothing_still_needs_the_version(world: World) -> None:
    case = await world.case()
    await case.tell("add-label", LABEL)

    problem(await case.told("add-label", LABEL, headers={"If-Match": '"1"'}), 412)


async def test_a_received_event_moves_the_version_too(world: World) -> None:
    team = await world.team()
    case = await world.case(team)
    version = (await case.read())["version"]
    await case.claimed_by(team)

    answer = await case.told("add-label", LABEL, headers={"If-Match": f'"{version}"'})

    problem(answer, 412)


async def test_engineering_knows_versions_as_well(world: World) -> None:
    team = await world.team()
    issue = await world.own_issue(team)
    case = await world.case(team)

    async def put(version: int) -> int:
        headers = {"If-Match": f'"{version}"'}
        answer = await world.eng.ask("PUT", f"/teams/{team}", {"name": "New"}, headers=headers)
        return answer.status_code

    async def move(version: int) -> int:
        headers, body = {"If-Match": f'"{version}"'}, {"status": "In Progress"}
        answer = await world.eng.ask("POST", f"/issues/{issue}/move", body, headers=headers)
        return answer.status_code

    async def claim(version: int) -> int:
        answer = await case.acted(team, "claim", {}, headers={"If-Match": f'"{version}"'})
        return answer.status_code

    of_the_case = (await case.history("eng"))[-1]["version"]
    assert [await put(7), await put(1)] == [412, 200]
    assert [await move(7), await move(1)] == [412, 200]
    assert [await claim(of_the_case + 1), await claim(of_the_case)] == [412, 200]


@BOTH
async def test_every_answer_says_its_position(world: World, name: str) -> None:
    service = world.ops if name == "ops" else world.eng
    answers = [
        await service.ask("GET", "/issues?limit=1"),
        await service.ask("GET", "/issues/NOSUCH-1"),
        await service.ask("GET", "/nowhere"),
        await service.ask("POST", "/issues", {}),
        await service.ask("DELETE", "/issues"),
        await service.ask("GET", "/log?limit=1"),
        await service.client.get("/issues"),
        await service.client.get("/healthz"),
    ]

    for answer in answers:
        assert answer.headers["caselog-position"].isdigit(), answer.request.url


async def test_ones_own_writes_are_read(world: World) -> None:
    for _ in range(10):
        written = await world.ops.ask("POST", "/issues", ISSUE)
        headers = {MIN_POSITION: written.headers["caselog-position"]}
        listed = await world.ops.ask("GET", "/issues?limit=1000", headers=headers)
        keys = {item["key"] for item in good(listed)["items"]}
        query = f"/issues/{written.json()['key']}"
        assert good(await world.ops.ask("GET", query, headers=headers))["version"] == 1
        assert int(listed.headers["caselog-position"]) >= int(headers[MIN_POSITION])
        assert written.json()["key"] in keys or len(keys) == 1000


async def test_ones_own_writes_are_read_on_boards(world: World) -> None:
    team = await world.team()
    for number in range(1, 6):
        body = {"team": team, "summary": "Ours", "severity": "4 - Low"}
        written = await world.eng.ask("POST", "/issues", body)
        headers = {MIN_POSITION: written.headers["caselog-position"]}
        listed = await world.eng.ask("GET", f"/issues?team={team}", headers=headers)
        assert len(good(listed)["items"]) == number


@BOTH
async def test_a_position_that_does_not_come_is_503_after_two_seconds(
    world: World, name: str
) -> None:
    service = world.ops if name == "ops" else world.eng
    loop = asyncio.get_running_loop()
    began = loop.time()
    paths = ["/issues", "/issues/OPS-1/history", "/log"]

    answers = await asyncio.gather(
        *(service.ask("GET", path, headers={MIN_POSITION: str(2**50)}) for path in paths)
    )

    assert 1.9 <= loop.time() - began < 10
    for answer in answers:
        problem(answer, 503)
        assert answer.headers["retry-after"].isdigit()


async def test_a_position_on_its_way_is_waited_for(world: World) -> None:
    case = await world.case()
    position = (await case.read())["position"] + 1
    waiting = asyncio.create_task(
        world.ops.ask("GET", f"/issues/{case.key}/history", headers={MIN_POSITION: str(position)})
    )

    await case.tell("add-label", LABEL)

    assert len(good(await waiting)["items"]) == 2


@pytest.mark.parametrize("value", ["-1", "1.5", "soon", "", "9" * 30])
async def test_a_position_that_is_none(world: World, value: str) -> None:
    answer = await world.ops.ask("GET", "/issues", headers={MIN_POSITION: value})

    assert wrong_fields(answer) == {MIN_POSITION}


async def test_a_system_says_when_it_happened(world: World) -> None:
    headers = {"Occurred-At": "2024-05-01T12:00:00.25+02:00"}

    opened = good(await world.ops.ask("POST", "/issues", ISSUE, role="system", headers=headers))

    (entry,) = await world.ops.history(opened["key"])
    assert entry["occurred_at"] == "2024-05-01T10:00:00.250000Z"
    assert entry["recorded_at"] > "2024-05-02"
    assert entry["actor"] == "system:system"
    issue = await world.ops.get(f"/issues/{opened['key']}")
    assert issue["opened_at"] == issue["status_since"] == "2024-05-01T10:00:00.250000Z"


async def test_on_boards_too(world: World) -> None:
    team = await world.team()
    case = await world.case(team)
    headers = {"Occurred-At": "2024-05-01T12:00:00Z"}

    good(await case.acted(team, "claim", {}, role="system", headers=headers))

    await world.settled()
    assert (await case.last("claimed"))["occurred_at"] == "2024-05-01T12:00:00Z"


@pytest.mark.parametrize("role", ["tier2", "manager", "reporter"])
async def test_nobody_else_says_when_it_happened(world: World, role: str) -> None:
    headers = {"Occurred-At": "2024-05-01T12:00:00Z"}

    problem(await world.ops.ask("POST", "/issues", ISSUE, role=role, headers=headers), 403)


@pytest.mark.parametrize(
    "moment",
    [
        *("2024-05-01", "2024-05-01T12:00:00", "yesterday", "", "2024-13-01T00:00:00Z"),
        *("1969-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00"),
    ],
)
async def test_a_moment_that_is_none(world: World, moment: str) -> None:
    answer = await world.ops.ask(
        "POST", "/issues", ISSUE, role="system", headers={"Occurred-At": moment}
    )

    assert wrong_fields(answer) == {"Occurred-At"}


async def test_nothing_happened_in_the_future(world: World) -> None:
    later = datetime.now(UTC) + timedelta(minutes=5)  # noqa: TID251 - by the clock of the service

    answer = await world.ops.ask(
        "POST", "/issues", ISSUE, role="system", headers={"Occurred-At": later.isoformat()}
    )

    assert wrong_fields(answer) == {"Occurred-At"}
