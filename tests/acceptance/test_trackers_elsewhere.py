"""Contract §3 and §8: teams whose tracker lives elsewhere, through the intake of Engineering."""

from __future__ import annotations

from typing import Any

import pytest

from tests.acceptance.publishing import Publisher, encoded
from tests.acceptance.world import REVIEW, World

pytestmark = [pytest.mark.integration]


async def test_a_whole_life_with_the_trackers_own_key(world: World, publisher: Publisher) -> None:
    """A claim that names its own issue keeps that key and mints nothing on our boards."""
    team = await world.team()
    case = await world.case(team)

    async def said(kind: str, **data: Any) -> None:
        receipt = await publisher.tell("eng", kind, {"team": team, **data}, subject=case.key)
        assert (receipt["outcome"], receipt["key"]) == ("recorded", case.key), receipt
        await world.settled()

    await said("claimed", issue="JIRA-881", comment="Ours.")
    await case.is_in("Engineering Ownership", {team: "claimed"})
    claimed = (await case.last("claimed"))["data"]
    assert claimed == {"team": team, "issue": "JIRA-881", "origin": "linked", "comment": "Ours."}
    await said("progressed", from_status="Open", to_status="In Test", issue="JIRA-881")
    await case.is_in("Engineering Ownership", {team: "claimed"})
    await said("sent-to-review", comment="Which version?")
    await case.is_in(REVIEW, {team: "in-review"})
    await case.tell("return-to-engineering", teams=[team], comment="7.1")
    await case.is_in("Engineering Ownership", {team: "claimed"})
    await said("closed", resolution="Fixed", comment="Fixed in 7.2.")
    await case.is_in(REVIEW, {team: "done"})
    closed = await case.last("closed")
    assert closed["data"]["issue"] == "JIRA-881"
    assert closed["actor"] == f"system:{publisher.system}"
    assert (await world.eng.ask("GET", "/issues/JIRA-881", role="auditor")).status_code == 404
    assert (await world.eng.ask("GET", f"/issues/{team}-1", role="auditor")).status_code == 404


async def test_a_key_that_looks_like_ours_is_not_given_out_here(
    world: World, publisher: Publisher
) -> None:
    team = await world.team()
    theirs, ours = await world.case(team), await world.case(team)

    data = {"team": team, "issue": f"{team}-1"}
    assert (await publisher.tell("eng", "claimed", data, subject=theirs.key))[
        "outcome"
    ] == "recorded"
    await publisher.tell("eng", "claimed", {"team": team}, subject=ours.key)
    await world.settled()

    assert (await theirs.last("claimed"))["data"]["issue"] == f"{team}-1"
    assert (await ours.last("claimed"))["data"]["issue"] == f"{team}-2"


async def test_a_claim_that_names_no_issue_clones(world: World, publisher: Publisher) -> None:
    team = await world.team()
    case = await world.case(team)

    await publisher.tell("eng", "claimed", {"team": team}, subject=case.key)
    await world.settled()

    claimed = (await case.last("claimed"))["data"]
    assert claimed["origin"] == "cloned"
    issue = await world.eng.get(f"/issues/{claimed['issue']}")
    assert issue["ops_issues"] == [case.key]
    assert issue["summary"] == (await case.read())["summary"]


async def test_a_rejection_names_whose_it_is(world: World, publisher: Publisher) -> None:
    team, other = await world.team(), await world.team()
    case = await world.case(team)

    data = {"team": team, "comment": "The API answers 500.", "belongs_to": other}
    await publisher.tell("eng", "rejected", data, subject=case.key)
    await world.settled()

    await case.is_in("New", {})
    assert (await case.last("rejected"))["data"] == data


async def test_the_case_is_named_by_its_source_case_too(world: World, publisher: Publisher) -> None:
    team = await world.team()
    number = world.unique("INC")
    case = await world.case(team, source_case={"system": publisher.system, "number": number})

    receipt = await publisher.tell(
        "eng", "claimed", {"team": team}, subject=f"{publisher.system}:{number}"
    )

    assert receipt["key"] == case.key


@pytest.mark.parametrize(
    ("kind", "data", "rule"),
    [
        ("closed", {"resolution": "Fixed", "comment": "Done."}, "team-holds-no-claim"),
        ("progressed", {"to_status": "In Test"}, "issue-not-linked"),
        ("sent-to-review", {"comment": "?"}, "team-not-assigned"),
        ("rejected", {"comment": "No.", "belongs_to": "unknown"}, "team-not-assigned"),
    ],
)
async def test_the_rules_are_those_of_everybody(
    world: World, publisher: Publisher, kind: str, data: dict[str, str], rule: str
) -> None:
    team = await world.team()
    case = await world.case()

    receipt = await publisher.tell("eng", kind, {"team": team, **data}, subject=case.key)

    assert (receipt["outcome"], receipt["rule"]) == ("refused", rule)
    assert receipt["reason"]


async def test_a_second_claim_is_refused(world: World, publisher: Publisher) -> None:
    team = await world.team()
    case = await world.case(team)
    await case.claimed_by(team)

    receipt = await publisher.tell("eng", "claimed", {"team": team}, subject=case.key)

    assert receipt["rule"] == "already-claimed"


async def test_a_team_that_is_not_defined_is_a_wrong_field(
    world: World, publisher: Publisher
) -> None:
    case = await world.case()

    receipt = await publisher.tell("eng", "claimed", {"team": "NOSUCHTEAM"}, subject=case.key)

    assert (receipt["outcome"], receipt["rule"]) == ("refused", "invalid")
    assert receipt["reason"].startswith("data.team: ")


async def test_without_a_subject_nothing_is_claimed(world: World, publisher: Publisher) -> None:
    team = await world.team()

    receipt = await publisher.tell("eng", "claimed", {"team": team})

    assert receipt["reason"].startswith("subject: ") or "subject" in receipt["reason"]


@pytest.mark.parametrize(
    ("kind", "data", "named"),
    [
        ("claimed", {}, "data.team"),
        ("claimed", {"team": "A", "origin": "stolen"}, "data.origin"),
        ("rejected", {"team": "A", "comment": "No."}, "data.belongs_to"),
        ("sent-to-review", {"team": "A", "comment": " "}, "data.comment"),
        ("closed", {"team": "A", "comment": "Fixed.", "resolution": 1}, "data.resolution"),
        ("progressed", {"team": "A", "to_status": "B", "colour": "red"}, "data.colour"),
        ("opened", {"summary": "It fails", "severity": "4 - Low"}, "type"),
        ("claim", {"team": "A"}, "type"),
    ],
)
async def test_bad_input_is_refused_with_the_field(
    world: World, publisher: Publisher, kind: str, data: dict[str, Any], named: str
) -> None:
    case = await world.case()
    event = publisher.event("eng", kind, data, subject=case.key)
    await publisher.send(event)

    receipt = await publisher.receipt(event["id"])

    assert (receipt["outcome"], receipt["rule"]) == ("refused", "invalid")
    assert receipt["reason"].startswith(f"{named}: ")
    letter = await publisher.dead_letters.find("eng", encoded(event))
    assert letter is not None
    assert letter["reason"] == receipt["reason"]


async def test_a_claim_waits_for_a_case_that_is_not_opened_yet(
    world: World, publisher: Publisher
) -> None:
    team = await world.team()
    number = world.unique("INC")
    event = publisher.event(
        "eng", "claimed", {"team": team}, subject=f"{publisher.system}:{number}"
    )
    await publisher.send(event)

    case = await world.case(source_case={"system": publisher.system, "number": number})

    assert (await publisher.receipt(event["id"]))["key"] == case.key
    await world.settled()
    await case.is_in("Engineering Ownership", {team: "claimed"})
