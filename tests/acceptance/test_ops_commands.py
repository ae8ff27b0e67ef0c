"""Contract §4: every command of Operations, over HTTP and through the intake."""

from __future__ import annotations

import pytest

from tests.acceptance.ops_commands import COMMANDS, Accepted, ready
from tests.acceptance.publishing import Publisher
from tests.acceptance.world import ISSUE, World, problem, wrong_fields

pytestmark = [pytest.mark.integration]

each_command = pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
CHANGES_NOTHING_TWICE = [
    *("acknowledge", "amend", "assign-team", "unassign-team", "take-ownership", "await-info"),
    *("return-to-engineering", "return-to-triage", "hand-to-product", "add-label"),
    *("remove-label", "add-institution", "link", "unlink", "request-update", "close", "reopen"),
]


async def test_every_command_of_the_contract_is_here() -> None:
    said = """acknowledge amend assign-team unassign-team take-ownership await-info contact-customer
        customer-responded customer-updated return-to-engineering return-to-triage hand-to-product
        comment attach-evidence add-label remove-label add-institution link unlink request-update
        close reopen"""
    assert {command.name for command in COMMANDS} == set(said.split())


async def test_opening_an_issue(world: World) -> None:
    case = {"system": "jsource", "number": world.unique("C"), "owner": "Lou Ng"}
    said = {
        **ISSUE,
        "description": "After the photo of the back.",
        "board": "Mobile",
        "product": "Remote Deposit",
        "reporter": "Rita",
        "source_case": case,
        "institutions": [{"id": "4711", "name": "First Bank"}],
        "prior_issue": "OPS-1",
    }

    answer = await world.ops.ask("POST", "/issues", said)

    assert answer.status_code == 201
    opened = answer.json()
    assert opened.keys() == {"key", "version", "position", "status"}
    assert (opened["version"], opened["status"]) == (1, "New")
    assert answer.headers["etag"] == '"1"'
    assert answer.headers["caselog-position"] == str(opened["position"])
    issue = await world.ops.get(f"/issues/{opened['key']}")
    prior = said.pop("prior_issue")
    assert {name: issue[name] for name in said} == said
    assert {"kind": "follows", "to": prior} in issue["links"]
    assert issue["resolution"] is issue["assignee"] is None
    assert (issue["teams"], issue["labels"]) == ([], [])


async def test_the_reporter_is_the_caller_if_nobody_is_named(world: World) -> None:
    rita = world.token("reporter", "Rita")
    opened = await world.ops.post("/issues", ISSUE, token=rita)

    assert (await world.ops.get(f"/issues/{opened['key']}"))["reporter"] == "Rita"
    (entry,) = await world.ops.history(opened["key"])
    assert entry["actor"] == "person:Rita"


@each_command
async def test_over_http(world: World, command: Accepted) -> None:
    case, team = await ready(world, command)
    before = await case.history()

    answer = await case.told(command.name, command.filled(team))

    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert said.keys() == {"key", "version", "position", "status"}
    assert (said["key"], said["status"]) == (case.key, command.status)
    assert answer.headers["etag"] == f'"{said["version"]}"'
    new = (await case.history())[len(before) :]
    assert new[0]["type"] == command.event
    assert [entry["type"] for entry in new[1:]] in ([], ["status-changed"])
    assert (new[-1]["version"], new[-1]["position"]) == (said["version"], said["position"])
    assert new[0]["actor"] == "person:tier2"
    assert new[0]["causation_id"] == answer.headers["x-request-id"]
    await world.settled()
    await case.is_in(command.status)


@each_command
async def test_through_the_intake(world: World, publisher: Publisher, command: Accepted) -> None:
    case, team = await ready(world, command)
    before = await case.history()
    moment = "2024-05-01T12:00:00Z"

    receipt = await publisher.tell(
        "ops", command.name, command.filled(team), subject=case.key, time=moment
    )

    assert (receipt["outcome"], receipt["key"]) == ("recorded", case.key), receipt
    new = (await case.history())[len(before) :]
    assert new[0]["type"] == command.event
    assert new[-1]["position"] == receipt["position"]
    assert (new[0]["actor"], new[0]["occurred_at"]) == (f"system:{publisher.system}", moment)
    assert (await case.read())["status"] == command.status


@pytest.mark.parametrize(
    "command",
    [command for command in COMMANDS if command.name in CHANGES_NOTHING_TWICE],
    ids=lambda command: command.name,
)
async def test_said_twice_it_adds_nothing(world: World, command: Accepted) -> None:
    case, team = await ready(world, command)
    first = await case.tell(command.name, command.filled(team))

    again = await case.tell(command.name, command.filled(team))

    assert again == first


@each_command
async def test_a_field_that_is_not_known_is_named(world: World, command: Accepted) -> None:
    case = await world.case()

    answer = await case.told(command.name, {**command.filled("Product"), "colour": "red"})

    assert wrong_fields(answer) == {"colour"}


@pytest.mark.parametrize(
    "command", [each for each in COMMANDS if each.body], ids=lambda command: command.name
)
async def test_a_field_of_another_type_is_named(world: World, command: Accepted) -> None:
    case = await world.case()
    body = command.filled("Product")
    name = next(iter(body))

    answer = await case.told(command.name, {**body, name: {"nested": 1}})

    assert wrong_fields(answer) == {name}


@pytest.mark.parametrize(
    ("name", "required"),
    [
        ("assign-team", {"team"}),
        ("unassign-team", {"team"}),
        ("await-info", {"from", "comment"}),
        ("contact-customer", {"channel", "comment"}),
        ("customer-updated", {"comment"}),
        ("return-to-engineering", {"teams", "comment"}),
        ("hand-to-product", {"pm", "comment"}),
        ("comment", {"body", "visibility"}),
        ("attach-evidence", {"kind", "content"}),
        ("add-label", {"label"}),
        ("remove-label", {"label"}),
        ("add-institution", {"id", "name"}),
        ("link", {"kind", "to"}),
        ("unlink", {"kind", "to"}),
        ("request-update", {"team", "phase"}),
        ("close", {"resolution", "comment"}),
        ("reopen", {"reason", "comment"}),
    ],
)
async def test_every_required_field_is_named_at_once(
    world: World, name: str, required: set[str]
) -> None:
    case = await world.case()

    assert wrong_fields(await case.told(name, {})) == required
    assert len(await case.history()) == 1


@each_command
async def test_an_issue_that_is_not_there(world: World, command: Accepted) -> None:
    answer = await world.ops.ask(
        "POST", f"/issues/OPS-999999999/{command.name}", command.filled("Product")
    )

    problem(answer, 404)
