"""The command line against a running stack: what it prints, and how it ends."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import httpx
import nats
import pytest

from tests.e2e.desk import Desk
from tests.kit.command import caselog
from tests.kit.fixtures import MakeDatabase
from tests.kit.stack import RunningUp
from tests.kit.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300)]

HOSTILE = "<b>not bold</b> | `x` \x1b[31m [y](javascript:z)"


# --- history ------------------------------------------------------------------------------------


async def test_a_history_in_every_format(stack: RunningUp, desk: Desk) -> None:
    key = await desk.open(summary=HOSTILE)
    await desk.comment(key, HOSTILE)
    answered = await desk.ask("GET", "ops", f"/issues/{key}/history")

    table, as_json, markdown, html = await asyncio.gather(
        *(
            caselog("history", key.lower(), "--format", form, data=stack.data)
            for form in ("table", "json", "markdown", "html")
        )
    )

    assert {table.code, as_json.code, markdown.code, html.code} == {0}
    assert json.loads(as_json.out) == answered["items"]
    assert max(map(len, table.out.splitlines())) <= 80
    assert "\x1b" not in table.out + markdown.out + html.out
    assert "<b>" not in markdown.out + html.out
    assert markdown.out.splitlines()[0] == f"# History of {key}"
    assert len(markdown.out.splitlines()) == 4 + 2
    assert "&lt;b&gt;not bold&lt;/b&gt;" in html.out


async def test_a_history_as_of_a_position_and_a_moment(stack: RunningUp, desk: Desk) -> None:
    key = await desk.open()
    await desk.comment(key, "later")
    first, second = (await desk.ask("GET", "ops", f"/issues/{key}/history"))["items"]

    for as_of, entries in (
        (str(first["position"]), [first]),
        (str(second["position"]), [first, second]),
        (first["recorded_at"], [first]),
        (second["recorded_at"].replace("Z", "+00:00"), [first, second]),
    ):
        ran = await caselog("history", key, "--as-of", as_of, "--format=json", data=stack.data)
        assert json.loads(ran.out) == entries

    before = await caselog("history", key, "--as-of", "2020-01-01T00:00:00Z", data=stack.data)
    assert before.code == 2
    assert before.err == f"caselog: there is no issue {key} as of 2020-01-01T00:00:00Z"


async def test_the_history_of_an_engineering_issue(stack: RunningUp, desk: Desk) -> None:
    key, issue = await claimed(desk, "HIST")

    ran = await caselog("history", issue, "--format=json", data=stack.data)

    assert [entry["type"] for entry in json.loads(ran.out)] == ["issue-created", "issue-linked"]
    assert json.loads(ran.out)[1]["data"] == {"ops_issue": key}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["OPS-999999"], "caselog: there is no issue OPS-999999"),
        (["ZZZ-1"], "caselog: there is no issue ZZZ-1"),
        (["../../lag"], "Error: Invalid value for KEY: '../../lag' is not a key such as OPS-17"),
        (["OPS-1", "--as-of", "yesterday"], "Error: Invalid value for --as-of: as_of: must be a"),
        (["OPS-1", "--format", "pdf"], "'pdf' is not one of 'table', 'json', 'markdown', 'html'"),
    ],
)
async def test_a_history_that_is_not_there(
    stack: RunningUp, arguments: list[str], complaint: str
) -> None:
    ran = await caselog("history", *arguments, data=stack.data)

    assert (ran.code, ran.out) == (2, "")
    assert complaint in ran.err


async def claimed(desk: Desk, team: str) -> tuple[str, str]:
    """An ops issue that a new team has claimed, and the team's issue."""
    statuses = ["To Do", "Needs Ops Review", "Done"]
    workflow = {"statuses": statuses, "default": "To Do", "review": statuses[1], "closed": ["Done"]}
    defined = {"name": team, "workflow": workflow}
    await desk.ask("PUT", "eng", f"/teams/{team}", "manager", json=defined)
    key = await desk.open()
    await desk.ask("POST", "ops", f"/issues/{key}/assign-team", json={"team": team})
    claim = f"/teams/{team}/ops-issues/{key}/claim"
    answer = await desk.ask("POST", "eng", claim, "engineer", json={})
    return key, answer["key"]


# --- tokens -------------------------------------------------------------------------------------


async def test_a_token_lets_its_holder_do_what_the_role_may(stack: RunningUp, desk: Desk) -> None:
    key, _ = await claimed(desk, "TOKA")
    mine, reads = await asyncio.gather(
        caselog(
            *("token", "--name", "bo", "--role", "engineer", "--team", "TOKA", "--team", "TOKB"),
            data=stack.data,
        ),
        caselog("token", "--name", "ann", "--role", "auditor", "--ttl", "30s", data=stack.data),
    )

    async def comments(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=desk.endpoints.ops, headers=headers) as client:
            body = {"body": "Here.", "visibility": "internal"}
            return (await client.post(f"/issues/{key}/comment", json=body)).status_code

    assert (mine.code, mine.err) == (0, "")
    assert await comments(mine.out) == 200
    assert await comments(reads.out) == 403


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["--role", "boss"], "--role"),
        (["--role", "tier2", "--ttl", "soon"], "--ttl"),
        (["--role", "engineer", "--team", "no team"], "--team"),
        (["--role", "tier2", "--name", " "], "--name"),
        ([], "--role"),
    ],
)
async def test_a_wrong_option_of_a_token_is_named(
    stack: RunningUp, arguments: list[str], option: str
) -> None:
    ran = await caselog("token", "--name", "bo", *arguments, data=stack.data)

    assert (ran.code, ran.out) == (2, "")
    assert re.search(rf"Error: (Invalid value for|Missing option) '?{option}", ran.err)


# --- lag, dead letters ---------------------------------------------------------------------------


async def test_lag_has_a_column_for_each_service(stack: RunningUp, desk: Desk) -> None:
    await desk.open()

    ran = await caselog("lag", data=stack.data)

    assert ran.code == 0
    rows = [re.findall(r"[\w -]*\w", line) for line in ran.out.splitlines() if "│" in line]
    names = [row[0].strip() for row in rows]
    assert names == [
        *("position", "sequence", "relayed", "received", "announced", "lag out", "lag in"),
        *("projections issues", "projections boards", "dead letters"),
    ]
    assert max(map(len, ran.out.splitlines())) <= 80


async def published(desk: Desk, subject: str, body: bytes) -> None:
    client = await nats.connect(desk.endpoints.nats)
    try:
        headers = {"Content-Type": "application/cloudevents+json"}
        await client.jetstream().publish(subject, body, headers=headers)
    finally:
        await client.close()


async def letter_of(desk: Desk, service: Any, route: str) -> str:
    """The id of the dead letter that came by that route, once it is there."""

    async def found() -> str | None:
        letters = (await desk.ask("GET", service, "/dead-letters", "operator"))["items"]
        return next((each["id"] for each in letters if each["route"] == route), None)

    return f"{service}:{await eventually(found)}"


async def test_a_dead_letter_is_listed_shown_retried_and_discarded(
    stack: RunningUp, desk: Desk
) -> None:
    body = b'{"specversion": "1.0",\n "id": "dl-1", "source": "/letters/x"}'
    await published(desk, "intake.ops.letters.opened", body)
    letter = await letter_of(desk, "ops", "intake.ops.letters.opened")

    listed = await caselog("deadletters", "list", data=stack.data)
    at = listed.out.splitlines().index("    intake.ops.letters.opened")
    head, _, reason = listed.out.splitlines()[at - 1 : at + 2]
    assert re.fullmatch(rf"{letter}  \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d  open", head)
    assert reason.startswith("    type: ")

    shown = await caselog("deadletters", "show", letter, data=stack.data)
    assert shown.code == 0
    assert "route: intake.ops.letters.opened" in shown.out
    assert "header Content-Type: application/cloudevents+json" in shown.out
    assert shown.out.endswith(f"body: {len(body)} bytes, as text\n\n{body.decode()}")

    retried = await caselog("deadletters", "retry", letter, data=stack.data)
    assert retried.code == 1
    assert retried.out.startswith(f"{letter}: refused again: type: ")
    assert f"caselog deadletters discard {letter}" in retried.out

    discarded = await caselog(
        *("deadletters", "discard", letter, "--reason", "a test of theirs"), data=stack.data
    )
    assert (discarded.code, discarded.out) == (
        0,
        f"{letter}: discarded; it is kept, with the reason",
    )
    only_open, gone, kept = await asyncio.gather(
        caselog("deadletters", "list", "--state", "open", data=stack.data),
        caselog("deadletters", "list", "--state", "discarded", data=stack.data),
        caselog("deadletters", "show", letter, data=stack.data),
    )
    assert letter not in only_open.out
    assert letter in gone.out
    assert "note: person:operator: a test of theirs" in kept.out


async def test_what_is_not_text_is_shown_in_hexadecimal(stack: RunningUp, desk: Desk) -> None:
    await published(desk, "intake.eng.letters.claimed", b"\xff\x00\x1b[2J" + b"abc" * 10)
    letter = await letter_of(desk, "eng", "intake.eng.letters.claimed")

    shown = await caselog("deadletters", "show", letter, data=stack.data)

    assert "body: 36 bytes, in hexadecimal" in shown.out
    assert (
        "00000000  ff 00 1b 5b 32 4a 61 62 63 61 62 63 61 62 63 61  ...[2Jabcabcabca" in shown.out
    )
    assert "\x1b" not in shown.out


@pytest.mark.parametrize("command", ["show", "retry"])
@pytest.mark.parametrize(
    ("letter", "complaint"),
    [
        ("17", "is no id: ops: or eng: and a UUID"),
        ("ops:01a209e7-0000-7000-8000-000000000000", "there is no dead letter 01a209e7"),
    ],
)
async def test_a_dead_letter_that_there_is_not(
    stack: RunningUp, command: str, letter: str, complaint: str
) -> None:
    ran = await caselog("deadletters", command, letter, data=stack.data)

    assert ran.code == 2
    assert "Error: Invalid value for ID: " in ran.err
    assert complaint in ran.err


# --- migrate, serve ------------------------------------------------------------------------------


async def test_a_database_of_ones_own_is_brought_to_this_version_once(
    database: MakeDatabase,
) -> None:
    empty = await database()
    role = empty.app_dsn.split("//")[1].split(":")[0]
    options = ("migrate", "ops", "--owner-dsn", empty.owner_dsn, "--role", role)

    first, second = await caselog(*options), await caselog(*options)

    assert (first.code, second.code) == (0, 0)
    assert first.out.startswith("ops: log-0001-head\n")
    assert "ops: bus-0001-dead-letter" in first.out
    assert second.out == "ops: nothing to do, it is of this version already"


@pytest.mark.parametrize(
    ("dsn", "code", "complaint"),
    [
        ("postgresql://x@127.0.0.1:1/x", 3, "caselog: the database of ops cannot be reached: "),
        ("mysql://x", 2, "Invalid value for --owner-dsn: must begin with postgresql://"),
        ("", 2, "Invalid value for --owner-dsn"),
    ],
)
async def test_a_database_that_cannot_be_migrated(dsn: str, code: int, complaint: str) -> None:
    ran = await caselog("migrate", "ops", "--owner-dsn", dsn, "--role", "caselog_ops")

    assert ran.code == code
    assert complaint in ran.err
    assert "Traceback" not in ran.err


async def test_a_role_that_does_not_exist_is_named(database: MakeDatabase) -> None:
    empty = await database()

    ran = await caselog("migrate", "ops", "--owner-dsn", empty.owner_dsn, "--role", "nobody_here")

    assert ran.code == 2
    assert 'role "nobody_here" does not exist' in ran.err
    assert "Traceback" not in ran.err


async def test_a_service_without_settings_names_them_all() -> None:
    ran = await caselog("serve", "eng")

    assert ran.code == 2
    for name in ("CASELOG_POSTGRES_DSN", "CASELOG_NATS_URL", "CASELOG_JWKS"):
        assert name in ran.err
