"""Domain §2–§4: what Operations refuses, over HTTP and through the intake, with which rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.acceptance.ops_commands import COMMANDS, Accepted, filled
from tests.acceptance.publishing import Publisher
from tests.acceptance.world import Case, World, problem, wrong_fields

pytestmark = [pytest.mark.integration]

Json = dict[str, Any]
Told = tuple[str, Json]

BECAUSE = {"comment": "Because."}
DONE = ("close", {"resolution": "Done", **BECAUSE})
ASSIGNED = ("assign-team", {"team": "{team}"})
LATE = ("reopen", {"reason": "late-verification", **BECAUSE})


@dataclass(frozen=True)
class Refused:
    """Commands that come first, the one that is refused, and the rule's name."""

    rule: str
    command: str
    body: Json
    given: tuple[Told, ...] = ()


REFUSALS = [
    Refused("already-closed", "close", {"resolution": "Won't Do", **BECAUSE}, (DONE,)),
    Refused("not-closed", *LATE),
    Refused(
        "changed-experience-needs-a-new-issue",
        "reopen",
        {"reason": "something else", **BECAUSE},
        (DONE,),
    ),
    Refused(
        "non-responsive-closure-needs-a-new-issue",
        *LATE,
        (("close", {"resolution": "Cannot Reproduce", "cause": "non-responsive", **BECAUSE}),),
    ),
    Refused("duplicate-names-the-other-issue", "close", {"resolution": "Duplicate", **BECAUSE}),
    Refused(
        "other-issue-is-for-duplicates",
        "close",
        {"resolution": "Done", "duplicate_of": "OPS-1", **BECAUSE},
    ),
    Refused(
        "not-to-itself", "close", {"resolution": "Duplicate", "duplicate_of": "{key}", **BECAUSE}
    ),
    Refused("not-to-itself", "link", {"kind": "relates", "to": "{key}"}),
    Refused("internal-jha-needs-a-case-number", "await-info", {"from": "internal-jha", **BECAUSE}),
    Refused(
        "bare-link-is-not-evidence",
        "attach-evidence",
        {"kind": "log", "content": "https://logs.example/search?q=500"},
    ),
    Refused("team-not-assigned", "return-to-engineering", {"teams": ["{team}"], **BECAUSE}),
    Refused("team-not-assigned", "request-update", {"team": "{team}", "phase": 1}),
    Refused(
        "nothing-to-return",
        "return-to-engineering",
        {"teams": ["{team}"], **BECAUSE},
        (ASSIGNED,),
    ),
    Refused("phase-not-reached", "request-update", {"team": "{team}", "phase": 2}, (ASSIGNED,)),
]
ON_A_CLOSED_ISSUE = {"comment", "attach-evidence", "link", "unlink", "close", "reopen"}
RESTS = [command for command in COMMANDS if command.name not in ON_A_CLOSED_ISSUE]


async def given(world: World, told: tuple[Told, ...]) -> tuple[Case, str]:
    case, team = await world.case(), await world.team()
    for command, body in told:
        await case.tell(command, filled(body, team))
    return case, team


def about(body: Json, case: Case, team: str) -> Json:
    return {
        name: case.key if value == "{key}" else value for name, value in filled(body, team).items()
    }


@pytest.mark.parametrize("refused", REFUSALS, ids=lambda each: f"{each.command}: {each.rule}")
async def test_a_rule_refuses(world: World, publisher: Publisher, refused: Refused) -> None:
    case, team = await given(world, refused.given)
    before = await case.read()
    body = about(refused.body, case, team)

    said = problem(await case.told(refused.command, body), 409, refused.rule)
    receipt = await publisher.tell("ops", refused.command, body, subject=case.key)

    assert said["detail"]
    assert (receipt["outcome"], receipt["rule"]) == ("refused", refused.rule)
    assert receipt["reason"] == said["detail"]
    assert await case.read() == before


@pytest.mark.parametrize("command", RESTS, ids=lambda command: command.name)
async def test_a_closed_issue_rests(world: World, command: Accepted) -> None:
    case, team = await given(world, (ASSIGNED, DONE))
    before = await case.read()

    problem(await case.told(command.name, command.filled(team)), 409, "issue-is-closed")

    assert await case.read() == before


@pytest.mark.parametrize(
    "command",
    [command for command in COMMANDS if command.name in {"comment", "attach-evidence", "link"}],
    ids=lambda command: command.name,
)
async def test_comments_evidence_and_links_are_accepted_on_a_closed_issue(
    world: World, command: Accepted
) -> None:
    case, team = await given(world, (DONE,))

    await case.tell(command.name, command.filled(team))

    await case.is_in("Issue is Closed")


async def test_a_claim_is_not_taken_without_a_word(world: World) -> None:
    team = await world.team()
    case = await world.case(team)
    await case.claimed_by(team)

    rule = "unassigning-a-claim-needs-a-comment"
    problem(await case.told("unassign-team", {"team": team}), 409, rule)
    problem(await case.told("unassign-team", {"team": team, "comment": "  "}), 409, rule)

    await case.tell("unassign-team", team=team, comment="It is the API after all.")
    await case.is_in("Engineering Ownership", {})


async def test_a_link_of_engineering_is_engineerings(world: World) -> None:
    team = await world.team()
    case = await world.case(team)
    issue = await case.claimed_by(team)

    answer = await case.told("unlink", {"kind": "tracks", "to": issue})

    problem(answer, 409, "link-is-engineerings")


async def test_a_system_cannot_own_an_issue(world: World) -> None:
    case = await world.case()

    problem(
        await case.told("take-ownership", {}, role="system"), 409, "ownership-needs-an-assignee"
    )

    answer = await case.told("take-ownership", {})
    assert answer.json()["status"] == "Ops Ownership"
    assert (await case.read())["assignee"] == "tier2"


@pytest.mark.parametrize(
    ("command", "body", "field"),
    [
        ("assign-team", {"team": "NOSUCHTEAM"}, "team"),
        ("assign-team", {"team": "mobile"}, "team"),
        ("assign-team", {"team": "MOB\n"}, "team"),
        ("amend", {"severity": "urgent"}, "severity"),
        ("amend", {"summary": " "}, "summary"),
        ("await-info", {"from": "nobody", **BECAUSE}, "from"),
        ("await-info", {"from": "customer", "comment": "\t"}, "comment"),
        ("contact-customer", {"channel": "pigeon", **BECAUSE}, "channel"),
        ("comment", {"body": "Hm.", "visibility": "secret"}, "visibility"),
        ("comment", {"body": "\u0000", "visibility": "public"}, "body"),
        ("attach-evidence", {"kind": "rumour", "content": "…"}, "kind"),
        ("return-to-engineering", {"teams": [], **BECAUSE}, "teams"),
        ("return-to-engineering", {"teams": ["A", 7], **BECAUSE}, "teams[1]"),
        ("link", {"kind": "likes", "to": "OPS-1"}, "kind"),
        ("link", {"kind": "relates", "to": "just words"}, "to"),
        ("link", {"kind": "relates", "to": "OPS-1\n"}, "to"),
        ("request-update", {"team": "MOB", "phase": 5}, "phase"),
        ("request-update", {"team": "MOB", "phase": 1.5}, "phase"),
        ("close", {"resolution": "Fixed", **BECAUSE}, "resolution"),
        ("close", {"resolution": "Done", "cause": "boredom", **BECAUSE}, "cause"),
    ],
)
async def test_a_wrong_field_is_named(world: World, command: str, body: Json, field: str) -> None:
    case = await world.case()

    assert wrong_fields(await case.told(command, body)) == {field}

    assert len(await case.history()) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"summary": None}, "summary"),
        ({"severity": "5 - None"}, "severity"),
        ({"source_case": {"system": "two words", "number": "1"}}, "source_case.system"),
        ({"source_case": {"system": "acme\n", "number": "1"}}, "source_case.system"),
        ({"source_case": {"system": "a:b", "number": "1"}}, "source_case.system"),
        ({"source_case": {"system": "acme"}}, "source_case.number"),
        ({"source_case": {"system": "acme", "number": "1", "x": 1}}, "source_case.x"),
        ({"institutions": [{"id": "1"}]}, "institutions[0].name"),
        ({"prior_issue": "the other one"}, "prior_issue"),
    ],
)
async def test_an_issue_that_cannot_be_opened(world: World, change: Json, field: str) -> None:
    body = {"summary": "It fails", "severity": "2 - High", **change}

    assert wrong_fields(await world.ops.ask("POST", "/issues", body)) == {field}


async def test_an_issue_is_closed_as_duplicate_of_another(world: World) -> None:
    case, other = await world.case(), await world.case()

    await case.tell("close", resolution="Duplicate", duplicate_of=other.key, comment="The same.")

    closed = await case.is_in("Issue is Closed")
    assert (closed["resolution"], closed["duplicate_of"]) == ("Duplicate", other.key)


@pytest.mark.parametrize(
    ("resolution", "cause"), [("Opened by Mistake", "mistake"), ("Done", "resolved")]
)
async def test_a_closing_without_a_cause_has_the_usual_one(
    world: World, resolution: str, cause: str
) -> None:
    case = await world.case()

    await case.tell("close", resolution=resolution, comment="Because.")

    assert (await case.last("closed"))["data"]["cause"] == cause
