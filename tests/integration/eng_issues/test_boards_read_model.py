"""The read model of boards in PostgreSQL: issues, queues, teams, and their pages."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from services.eng_issues.projections.board_queries import QueueKey, issues, queue, teams
from services.eng_issues.projections.boards import Boards
from shared.events import ops
from tests.kit.fixtures import MakeDatabase
from tests.unit.eng_issues.engineering import Engineering
from tests.unit.eng_issues.rows import CODEC, rows_of
from tests.unit.eng_issues.steps import (
    a_case,
    claim,
    close,
    closed_by_ops,
    create,
    define,
    heard_from_ops,
    link,
    move,
    reject,
    send_to_review,
    story,
)

pytestmark = pytest.mark.integration


@pytest.fixture
async def connection(database: MakeDatabase) -> AsyncIterator[asyncpg.Connection]:
    """A connection into an empty generation, made as the service makes one."""
    connection = await asyncpg.connect((await database()).app_dsn)
    await connection.execute("CREATE SCHEMA generation")
    await connection.execute("SET search_path = generation")
    await connection.execute(Boards(CODEC).sql)
    yield connection
    await connection.close()


async def project(
    connection: asyncpg.Connection, engineering: Engineering, *, after: int = 0, batch: int = 5
) -> None:
    rows = rows_of(engineering)[after:]
    for start in range(0, len(rows), batch):
        async with connection.transaction():
            await Boards(CODEC).apply(connection, rows[start : start + batch])


def two_teams_at_work() -> Engineering:
    return story(
        *(a_case("MOB", "WEB", key=f"OPS-{n}") for n in range(1, 6)),
        create("MOB"),
        create("WEB"),
        claim("MOB", "OPS-1"),
        claim("MOB", "OPS-2"),
        claim("WEB", "OPS-2"),
        link("MOB-2", "MOB", "OPS-3"),
        move("MOB-3", "In Progress"),
        send_to_review("MOB", "OPS-4"),
        reject("MOB", "OPS-5"),
        heard_from_ops(ops.Amended(severity="1 - Critical"), "OPS-3"),
    )


async def keys(connection: asyncpg.Connection, **filters: str) -> list[str]:
    return [found.issue.key for found in await issues(connection, 0, 100, **filters)]


async def queued(connection: asyncpg.Connection, team: str) -> list[tuple[str, str]]:
    rows = await queue(connection, team, None, 100)
    return [(row.ops_issue, row.state) for _, row in rows]


async def test_issues_are_narrowed_by_team_status_and_ops_issue(
    connection: asyncpg.Connection,
) -> None:
    await project(connection, two_teams_at_work())

    assert await keys(connection) == ["MOB-1", "WEB-1", "MOB-2", "MOB-3", "WEB-2"]
    assert await keys(connection, team="WEB") == ["WEB-1", "WEB-2"]
    assert await keys(connection, status="In Progress") == ["MOB-3"]
    assert await keys(connection, ops_issue="OPS-2") == ["MOB-3", "WEB-2"]
    assert await keys(connection, ops_issue="OPS-3", team="MOB", status="To Do") == ["MOB-2"]
    assert await keys(connection, team="OTHER") == []
    assert await keys(connection, status="a\0b") == []


async def test_an_issue_is_found_as_it_is_and_with_its_version(
    connection: asyncpg.Connection,
) -> None:
    engineering = two_teams_at_work()
    await project(connection, engineering)
    events = [n for n, event in enumerate(engineering.log, 1) if event.subject == "MOB-2"]

    (found,) = await issues(connection, 0, 10, ops_issue="OPS-3")

    assert found.issue == engineering.issue("MOB-2")
    assert (found.version, found.begun, found.position) == (len(events), events[0], events[-1])


async def test_pages_neither_lose_nor_repeat_while_issues_are_added(
    connection: asyncpg.Connection,
) -> None:
    engineering = two_teams_at_work()
    await project(connection, engineering)
    first = await issues(connection, 0, 3)
    known = len(engineering.log)
    engineering.do(create("MOB"))
    engineering.do(move("MOB-1", "In Progress"))
    await project(connection, engineering, after=known)

    second = await issues(connection, first[-1].begun, 3)

    assert [found.issue.key for found in (*first, *second)] == [
        *("MOB-1", "WEB-1", "MOB-2"),
        *("MOB-3", "WEB-2", "MOB-4"),
    ]


async def test_a_team_s_queue_is_what_waits_and_then_what_it_owns(
    connection: asyncpg.Connection,
) -> None:
    await project(connection, two_teams_at_work())

    assert await queued(connection, "MOB") == [
        ("OPS-3", "assigned"),
        ("OPS-4", "in-review"),
        ("OPS-1", "claimed"),
        ("OPS-2", "claimed"),
    ]


async def test_a_row_of_the_queue_says_what_the_team_must_know(
    connection: asyncpg.Connection,
) -> None:
    engineering = two_teams_at_work()
    await project(connection, engineering)

    row = next(row for _, row in await queue(connection, "MOB", None, 9) if row.owned)

    case = engineering.case("OPS-1")
    assert (row.ops_issue, row.issue, row.summary) == ("OPS-1", "MOB-2", case.summary)
    assert (row.opened_at, row.since) == (case.opened_at, case.part("MOB").since)


async def test_a_queue_is_read_in_pages(connection: asyncpg.Connection) -> None:
    await project(connection, two_teams_at_work())
    whole = [row.ops_issue for _, row in await queue(connection, "WEB", None, 100)]

    paged: list[str] = []
    after: QueueKey | None = None
    while page := await queue(connection, "WEB", after, 2):
        paged += [row.ops_issue for _, row in page]
        after = page[-1][0]

    assert paged == whole == ["OPS-3", "OPS-1", "OPS-4", "OPS-5", "OPS-2"]


async def test_closed_work_and_closed_ops_issues_leave_the_queue(
    connection: asyncpg.Connection,
) -> None:
    engineering = two_teams_at_work()
    await project(connection, engineering)
    known = len(engineering.log)
    engineering.do(close("MOB-2"))
    closed_by_ops("OPS-4")(engineering)
    await project(connection, engineering, after=known)

    assert await queued(connection, "MOB") == [("OPS-3", "assigned"), ("OPS-2", "claimed")]


async def test_teams_are_listed_as_they_were_defined_last(connection: asyncpg.Connection) -> None:
    engineering = story(define("WEB"), define("MOB"))
    await project(connection, engineering)

    found = await teams(connection, "", 10)

    assert [each.team for each in found] == [engineering.team("MOB"), engineering.team("WEB")]
    assert [each.position for each in found] == [2, 1]
    assert [each.team.key for each in await teams(connection, "MOB", 10)] == ["WEB"]
