"""Contract §2: what both services publish, and that it is the same bytes everywhere."""

from __future__ import annotations

import json
from datetime import datetime
from uuid import UUID

import pytest
from nats.aio.client import Client
from nats.js.api import RawStreamMsg, StorageType

from tests.acceptance.publishing import stored
from tests.acceptance.world import REVIEW, WORKFLOW, Case, Json, World

pytestmark = [pytest.mark.integration]

STREAMS = {
    "OPS_EVENTS": ["ops.events.>"],
    "ENG_EVENTS": ["eng.events.>"],
    "INTAKE": ["intake.>"],
    "RECEIPTS": ["receipts.>"],
}
ATTRIBUTES = {
    *("specversion", "id", "source", "type", "subject", "time", "datacontenttype"),
    *("recordedtime", "log", "epoch", "position", "sequence"),
    *("correlationid", "causationid", "actor", "data"),
}
SEVEN_DAYS = 7 * 24 * 3600


async def whole_story(world: World) -> tuple[Case, str]:
    """A case in which both services say each of their words, and its team."""
    team = await world.team()
    case = await world.case(team)
    await case.tell("amend", severity="1 - Critical")
    await case.tell("comment", body="Can you look? @Tess", visibility="public")
    issue = await case.claimed_by(team)
    await world.move(issue, "In Progress")
    commented = {"body": "Reproduced.", "visibility": "internal"}
    await world.eng.post(f"/issues/{issue}/comment", commented)
    await case.tell("request-update", team=team, phase=1)
    await case.act(team, "send-to-review", comment="Which version?")
    await case.tell("return-to-engineering", teams=[team], comment="7.1")
    await world.move(issue, "Done", resolution="Fixed", comment="Fixed in 7.2.")
    await case.tell("close", resolution="Done", comment="Verified.")
    await case.tell("reopen", reason="late-verification", comment="It is back.")
    await case.tell("unassign-team", team=team)
    other = await world.team()
    await case.tell("assign-team", team=other)
    linked = await world.own_issue(other)
    await case.act(other, "link", issue=linked)
    await case.act(other, "unlink", issue=linked)
    await case.act(other, "reject", comment="Not ours.", belongs_to="unknown")
    return case, team


def event(message: RawStreamMsg) -> Json:
    assert message.data is not None
    found: Json = json.loads(message.data)
    return found


async def test_the_streams_are_there_with_their_subjects_on_disk(bus: Client) -> None:
    jetstream = bus.jetstream()
    for name, subjects in STREAMS.items():
        config = (await jetstream.stream_info(name)).config
        assert config.subjects == subjects
        assert config.storage == StorageType.FILE
    assert (await jetstream.stream_info("RECEIPTS")).config.max_age == SEVEN_DAYS


async def test_one_event_is_one_sequence_of_bytes(world: World, bus: Client) -> None:
    """On the bus, in its author's log and in the receiver's."""
    positions = [await service.get("/lag") for service in world.services]
    case, _ = await whole_story(world)

    logs = [
        await service.log(after=lag["position"])
        for service, lag in zip(world.services, positions, strict=True)
    ]
    for service in world.services:
        stream = f"{service.name.upper()}_EVENTS"
        messages = await stored(bus, stream, f"{service.name}.events.{case.key}.>")
        assert messages
        for message in messages:
            assert message.data is not None
            assert b"\n" not in message.data
            assert all(log.count(message.data) == 1 for log in logs)


async def test_every_word_of_the_contract_has_its_subject(world: World, bus: Client) -> None:
    case, _ = await whole_story(world)

    said = {
        name: {m.subject for m in await stored(bus, stream, f"{name}.events.{case.key}.>")}
        for name, stream in (("ops", "OPS_EVENTS"), ("eng", "ENG_EVENTS"))
    }

    ops = "opened amended team-assigned team-unassigned returned-to-engineering commented"
    ops += " update-requested status-changed closed reopened"
    eng = "claimed rejected sent-to-review closed progressed commented linked unlinked"
    assert said["ops"] == {f"ops.events.{case.key}.{kind}" for kind in ops.split()}
    assert said["eng"] == {f"eng.events.{case.key}.{kind}" for kind in eng.split()}


async def test_a_message_has_the_attributes_and_headers_of_the_contract(
    world: World, bus: Client
) -> None:
    case, _ = await whole_story(world)

    for name in ("ops", "eng"):
        for message in await stored(bus, f"{name.upper()}_EVENTS", f"{name}.events.{case.key}.>"):
            said = event(message)
            assert message.headers is not None
            assert message.headers["Content-Type"] == "application/cloudevents+json"
            assert message.headers["Nats-Msg-Id"]
            assert said.keys() == ATTRIBUTES
            assert (said["specversion"], said["datacontenttype"]) == ("1.0", "application/json")
            assert said["source"] == f"/caselog/{name}"
            kind = message.subject.rpartition(".")[2] if message.subject else ""
            assert said["type"] == f"caselog.{name}.{kind}.v1"
            assert said["subject"] == case.key
            assert UUID(said["id"]).version == 7
            assert str(UUID(said["log"])) == said["log"]
            for moment in ("time", "recordedtime"):
                assert said[moment].endswith("Z")
                assert datetime.fromisoformat(said[moment]) <= datetime.fromisoformat(
                    said["recordedtime"]
                )
            assert said["actor"].partition(":")[0] in {"person", "team", "system"}


async def test_bodies_say_what_the_contract_promises(world: World, bus: Client) -> None:
    case, team = await whole_story(world)

    said: dict[str, Json] = {}
    for name in ("ops", "eng"):
        for message in await stored(bus, f"{name.upper()}_EVENTS", f"{name}.events.{case.key}.>"):
            found = event(message)
            said.setdefault(found["type"].removeprefix("caselog.").removesuffix(".v1"), found)
    data = {kind: each["data"] for kind, each in said.items()}

    assert data["ops.opened"]["summary"] == "Deposits fail at the second photo"
    assert data["ops.opened"].keys() >= {
        *("summary", "description", "severity", "board", "product", "reporter", "institutions"),
    }
    assert data["ops.amended"] == {"severity": "1 - Critical"}
    assert data["ops.team-assigned"].keys() >= {"team", "summary", "description", "severity"}
    assert data["ops.team-unassigned"]["team"] == team
    answered = data["ops.returned-to-engineering"]
    assert (answered["teams"], answered["answer"]) == ([team], "7.1")
    assert data["ops.commented"]["mentions"] == ["@Tess"]
    assert data["ops.update-requested"] == {"team": team, "phase": 1}
    assert data["ops.status-changed"] == {
        "from_status": "New",
        "to_status": "Engineering Ownership",
        "assigned": [team],
        "claimed": [team],
    }
    assert data["ops.closed"]["resolution"] == "Done"
    assert data["ops.reopened"]["reason"] == "late-verification"
    issue = data["eng.claimed"]["issue"]
    assert data["eng.claimed"] == {"team": team, "issue": issue, "origin": "cloned"}
    assert data["eng.rejected"]["belongs_to"] == "unknown"
    assert data["eng.sent-to-review"]["comment"] == "Which version?"
    assert data["eng.closed"] == {
        "team": team,
        "issue": issue,
        "resolution": "Fixed",
        "comment": "Fixed in 7.2.",
    }
    assert data["eng.progressed"] == {
        "team": team,
        "issue": issue,
        "from_status": "To Do",
        "to_status": "In Progress",
    }
    assert data["eng.commented"]["visibility"] == "internal"
    assert data["eng.linked"].keys() == data["eng.unlinked"].keys() == {"team", "issue"}


async def test_a_team_is_published_under_its_own_key(world: World, bus: Client) -> None:
    team = await world.team(domains=["mobile deposit"])
    await world.settled()

    (message,) = await stored(bus, "ENG_EVENTS", f"eng.events.{team}.team-defined")

    assert event(message)["subject"] == team
    assert event(message)["data"] == {
        "team": team,
        "name": f"Team {team}",
        "workflow": WORKFLOW,
        "domains": ["mobile deposit"],
    }


async def test_engineering_says_it_once_for_each_ops_issue(world: World, bus: Client) -> None:
    team = await world.team()
    cases = [await world.case(team) for _ in range(2)]
    issue = await cases[0].claimed_by(team)
    await cases[1].act(team, "link", issue=issue)
    await cases[1].claimed_by(team, comment="The same defect.")

    await world.move(issue, "Done", resolution="Fixed", comment="Fixed in 7.2.")

    for case in cases:
        assert len(await stored(bus, "ENG_EVENTS", f"eng.events.{case.key}.closed")) == 1


@pytest.mark.parametrize("name", ["ops", "eng"])
async def test_the_sequence_of_what_is_published_is_dense(
    world: World, bus: Client, name: str
) -> None:
    await whole_story(world)
    service = world.ops if name == "ops" else world.eng

    own = [
        entry["sequence"]
        for entry in map(json.loads, await service.log())
        if entry["source"] == f"/caselog/{name}" and "sequence" in entry
    ]
    published = [event(m)["sequence"] for m in await stored(bus, f"{name.upper()}_EVENTS", ">")]

    assert own == list(range(1, len(own) + 1))
    assert published == own


async def test_a_reaction_names_its_cause_and_its_id_follows_from_it(world: World) -> None:
    """Milliseconds of the cause, so that reacting twice gives the same id."""
    team = await world.team()
    case = await world.case(team)
    await case.claimed_by(team)
    await case.act(team, "send-to-review", comment="Which version?")

    question, stated = (await case.history())[-2:]

    assert (question["type"], stated["type"]) == ("sent-to-review", "status-changed")
    assert stated["data"]["to_status"] == REVIEW
    assert stated["causation_id"] == question["id"]
    assert stated["correlation_id"] == question["correlation_id"]
    assert stated["actor"] == "system:caselog"
    assert stated["occurred_at"] == question["occurred_at"]
    assert UUID(stated["id"]).bytes[:6] == UUID(question["id"]).bytes[:6]
    assert UUID(stated["id"]).version == 7
