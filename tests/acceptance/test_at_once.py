"""Many at once: each is decided on what holds then, none is lost, none is an error of ours."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from tests.acceptance.publishing import Publisher
from tests.acceptance.world import ISSUE, REVIEW, Json, World, good

pytestmark = [pytest.mark.integration]


async def test_of_many_claims_by_one_team_one_holds(world: World) -> None:
    team = await world.team()
    case = await world.case(team)

    answers = await asyncio.gather(*(case.acted(team, "claim", {}) for _ in range(20)))

    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 19}
    assert {a.json()["rule"] for a in answers if a.status_code == 409} == {"already-claimed"}
    await world.settled()
    await case.is_in("Engineering Ownership", {team: "claimed"})
    assert (await world.eng.ask("GET", f"/issues/{team}-2")).status_code == 404


async def test_many_teams_claim_at_once(world: World) -> None:
    teams = [await world.team() for _ in range(8)]
    case = await world.case(*teams)

    answers = await asyncio.gather(*(case.acted(team, "claim", {}) for team in teams))

    assert {answer.status_code for answer in answers} == {200}
    await world.settled()
    await case.is_in("Engineering Ownership", dict.fromkeys(teams, "claimed"))


async def test_of_many_issues_for_one_source_case_one_is_opened(
    world: World, publisher: Publisher
) -> None:
    body = {**ISSUE, "source_case": {"system": publisher.system, "number": world.unique("INC")}}
    events = [publisher.event("ops", "opened", body) for _ in range(10)]

    answers = await asyncio.gather(
        *(world.ops.ask("POST", "/issues", body) for _ in range(10)),
        *(publisher.post(event) for event in events[:5]),
        *(publisher.send(event) for event in events[5:]),
    )

    statuses = Counter(answer.status_code for answer in answers if answer is not None)
    receipts = [await publisher.receipt(event["id"]) for event in events]
    opened = statuses[201] + statuses[200]
    recorded = [each for each in receipts[5:] if each["outcome"] == "recorded"]
    assert opened + len(recorded) == 1
    assert statuses[409] == 15 - opened
    (key,) = {each["key"] for each in receipts}
    assert len(await world.ops.history(key)) == 1


async def test_commands_on_one_hot_issue_all_hold(world: World, publisher: Publisher) -> None:
    team = await world.team()
    case = await world.case(team)
    issue = await case.claimed_by(team)
    before = (await case.read())["version"]

    def said(text: str) -> dict[str, str]:
        return {"body": text, "visibility": "internal"}

    answers = await asyncio.gather(
        *(case.told("comment", said(f"ops {n}")) for n in range(30)),
        *(world.eng.ask("POST", f"/issues/{issue}/comment", said(f"eng {n}")) for n in range(30)),
        *(
            publisher.post(publisher.event("ops", "comment", said(f"sys {n}"), subject=case.key))
            for n in range(30)
        ),
    )

    assert {answer.status_code for answer in answers} == {200}
    versions = [answer.json()["version"] for answer in answers[:30]]
    assert len(set(versions)) == 30
    await world.settled()
    entries = await case.history()
    assert [entry["version"] for entry in entries] == list(range(1, before + 91))
    texts = [entry["data"]["comment"] for entry in entries if entry["type"] == "commented"]
    assert len(set(texts)) == 90


async def test_one_shared_issue_and_its_cases_moved_at_once(world: World) -> None:
    """Each act speaks in several streams; whatever their order, both services agree at the end."""
    team = await world.team()
    cases = [await world.case(team) for _ in range(6)]
    issue = await cases[0].claimed_by(team)
    for case in cases[1:]:
        good(await case.acted(team, "link", {"issue": issue}))
    path = f"/issues/{issue}/move"

    answers = await asyncio.gather(
        *(case.acted(team, "claim", {"comment": "The same."}) for case in cases[1:]),
        *(world.eng.ask("POST", path, {"status": s}) for s in ("In Progress", "To Do") * 5),
        *(case.told("amend", {"summary": "Said otherwise"}) for case in cases),
        *(case.told("await-info", {"from": "other", "comment": "?"}) for case in cases[:3]),
        *(case.acted(team, "send-to-review", {"comment": "Which version?"}) for case in cases[3:]),
    )

    assert {answer.status_code for answer in answers} == {200}
    await world.settled()
    shown = await world.eng.get(f"/issues/{issue}")
    assert set(shown["ops_issues"]) == {case.key for case in cases}
    assert shown["summary"] == "Said otherwise"
    for case in cases:
        states = await case.states()
        assert states[team] in {"claimed", "in-review"}
        ops, eng = await case.history(), await case.history("eng")
        assert eng_said(ops) == eng_said(eng)


def eng_said(entries: list[Json]) -> list[str]:
    """What Engineering said, in its order."""
    return [entry["id"] for entry in entries if entry["service"] == "eng"]


async def test_opposite_moves_at_once_end_in_what_the_log_says(world: World) -> None:
    team = await world.team()
    case = await world.case(team)
    await case.claimed_by(team)

    for number in range(5):
        question = {"comment": f"Which version? {number}"}
        answer = {"teams": [team], "comment": f"7.{number}"}
        both = await asyncio.gather(
            case.acted(team, "send-to-review", question),
            case.told("return-to-engineering", answer),
        )
        assert {each.status_code for each in both} <= {200, 409}
        await world.settled()
        status = (await case.read())["status"]
        await case.is_in(status)
        state = (await case.states())[team]
        assert (status, state) in {
            (REVIEW, "in-review"),
            ("Engineering Ownership", "claimed"),
        }
