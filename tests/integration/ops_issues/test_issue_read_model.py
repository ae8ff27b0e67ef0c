"""The read model of issues in PostgreSQL: filters, search, pages, counts, and the past."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from services.ops_issues.domain import events
from services.ops_issues.projections.filters import Filter, Queue, holds
from services.ops_issues.projections.issue_queries import (
    Page,
    Past,
    count_queues,
    page,
    page_as_of,
)
from services.ops_issues.projections.issues import Issues
from services.ops_issues.projections.represent import view
from services.ops_issues.projections.teams import Teams, all_teams
from shared.events import eng, ops
from shared.events.vocabulary import SourceCase, Workflow
from tests.kit.fixtures import MakeDatabase
from tests.unit.ops_issues.desk import (
    AWAITED,
    CLOSED,
    OWNED,
    REOPENED,
    WITH_PRODUCT,
    asked,
    assigned,
    claimed,
)
from tests.unit.ops_issues.shelf import CODEC, Shelf

pytestmark = pytest.mark.integration


def said(text: str) -> ops.Commented:
    return ops.Commented(comment=text, visibility="internal", mentions=())


@pytest.fixture
async def connection(database: MakeDatabase) -> AsyncIterator[asyncpg.Connection]:
    """A connection into an empty generation, made as the service makes one."""
    connection = await asyncpg.connect((await database()).app_dsn)
    await connection.execute("CREATE SCHEMA generation")
    await connection.execute("SET search_path = generation")
    await connection.execute(Issues(CODEC).sql)
    await connection.execute(Teams(CODEC).sql)
    yield connection
    await connection.close()


@pytest.fixture
def shelf() -> Shelf:
    """Issues in every status."""
    shelf = Shelf()
    shelf.opens(summary="Login fails after the update", severity="1 - Critical")
    shelf.opens(OWNED, description="The vault is shut")
    shelf.opens(assigned("MOB"), claimed("MOB"), said("Seen with login as well: zebra"))
    shelf.opens(AWAITED, source_case=SourceCase(system="jsource", number="12"))
    shelf.opens(assigned("WEB"), assigned("MOB"), asked("WEB"))
    shelf.opens(WITH_PRODUCT)
    shelf.opens(CLOSED)
    shelf.opens(CLOSED, REOPENED, events.OwnershipTaken(assignee="bob"))
    return shelf


async def project(connection: asyncpg.Connection, shelf: Shelf, batch: int = 7) -> None:
    for start in range(0, len(shelf.rows), batch):
        async with connection.transaction():
            await Issues(CODEC).apply(connection, shelf.rows[start : start + batch])


def keys(found: Page) -> list[str]:
    return [item.key for item in found.items]


async def everything(connection: asyncpg.Connection, wanted: Filter, limit: int = 100) -> list[str]:
    found: list[str] = []
    after: int | None = 0
    while after is not None:
        part = await page(connection, wanted, after, limit)
        found += keys(part)
        after = part.next_number
    return found


FILTERS = [
    Filter(),
    Filter(status="New"),
    Filter(status="Issue is Closed"),
    Filter(team="MOB"),
    Filter(team="Product"),
    Filter(severity="1 - Critical"),
    Filter(assignee="ann"),
    Filter(source_case="jsource:12"),
    Filter(source_case="jsource:13"),
    Filter(queue=Queue("new")),
    Filter(queue=Queue("unacknowledged")),
    Filter(queue=Queue("waiting-on-customer")),
    Filter(queue=Queue("needs-review")),
    Filter(queue=Queue("mine"), me="ann"),
    Filter(queue=Queue("team", "MOB")),
    Filter(queue=Queue("team", "MOB"), status="Needs Ops Review", severity="2 - High"),
]


@pytest.mark.parametrize("wanted", FILTERS, ids=str)
async def test_a_filter_finds_what_the_fold_says(
    connection: asyncpg.Connection, shelf: Shelf, wanted: Filter
) -> None:
    await project(connection, shelf)
    expected = [key for key, desk in shelf.desks.items() if holds(wanted, desk.issue)]

    assert await everything(connection, wanted) == expected
    assert await everything(connection, wanted, limit=1) == expected


async def test_an_item_is_the_issue_as_it_is(connection: asyncpg.Connection, shelf: Shelf) -> None:
    await project(connection, shelf)
    found = await page(connection, Filter(team="WEB"), 0, 10)
    last = [row for row in shelf.rows if row.stream == "OPS-5"][-1]

    assert found.items == [view(shelf.desks["OPS-5"].issue, last.version, last.position)]


async def test_pages_neither_lose_nor_repeat_while_issues_are_opened(
    connection: asyncpg.Connection, shelf: Shelf
) -> None:
    await project(connection, shelf)
    first = await page(connection, Filter(), 0, 3)
    begun = len(shelf.rows)
    shelf.opens()
    async with connection.transaction():
        await Issues(CODEC).apply(connection, shelf.rows[begun:])
    assert first.next_number is not None
    rest = await page(connection, Filter(), first.next_number, 100)

    assert keys(first) + keys(rest) == list(shelf.desks)
    assert rest.next_number is None


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("login", ["OPS-1", "OPS-3"]),
        ("LOGINS", ["OPS-1", "OPS-3"]),
        ("vault", ["OPS-2"]),
        ("zebra", ["OPS-3"]),
        ('"fails after"', ["OPS-1"]),
        ("after the", ["OPS-1"]),
        ("vault or zebra", ["OPS-2", "OPS-3"]),
        ("login -zebra", ["OPS-1"]),
        ("giraffe", []),
        ("'; DROP TABLE issue; --\0", []),
    ],
)
async def test_a_search_finds_words_in_issues_and_comments(
    connection: asyncpg.Connection, shelf: Shelf, q: str, found: list[str]
) -> None:
    await project(connection, shelf)

    assert await everything(connection, Filter(q=q)) == found


async def test_a_search_follows_what_was_reworded(
    connection: asyncpg.Connection, shelf: Shelf
) -> None:
    shelf.desks["OPS-1"].lives(ops.Amended(summary="Giraffe"), OWNED)
    await project(connection, shelf)

    assert await everything(connection, Filter(q="giraffe")) == ["OPS-1"]
    assert await everything(connection, Filter(q="update")) == []


@pytest.mark.parametrize(
    "text",
    [
        "nul\0nul",
        "".join(f"w{n} " for n in range(20_000)),
        "-".join(f"w{n}" for n in range(20_000)),
        "".join(f"h{n}.example.com/p{n} " for n in range(8_000)),
        "\U0001f600" * 30_000,
        "x" * 120_000,
    ],
    ids=["nul", "words", "hyphens", "addresses", "signs", "one word"],
)
async def test_no_text_stops_the_read_model(connection: asyncpg.Connection, text: str) -> None:
    shelf = Shelf()
    shelf.opens(said(text), summary=f"Found {text}", description=text)
    await project(connection, shelf)

    assert await everything(connection, Filter()) == ["OPS-1"]


@pytest.mark.parametrize("wanted", [*FILTERS, Filter(q="login"), Filter(q="update")], ids=str)
async def test_a_list_as_of_then_is_the_list_that_was_read_then(
    connection: asyncpg.Connection, shelf: Shelf, wanted: Filter
) -> None:
    then = len(shelf.rows)
    await project(connection, shelf)
    was = await page(connection, wanted, 0, 100)
    for desk in list(shelf.desks.values()):
        if not desk.issue.is_closed:
            desk.lives(ops.Amended(summary="Other", severity="4 - Low"), said("login"), CLOSED)
    shelf.opens(assigned("MOB"), summary="login update")
    async with connection.transaction():
        await Issues(CODEC).apply(connection, shelf.rows[then:])
    past = Past(then, shelf.read_streams, CODEC)

    assert await page_as_of(connection, wanted, 0, 100, past) == was
    one_by_one: list[str] = []
    after: int | None = 0
    while after is not None:
        part = await page_as_of(connection, wanted, after, 1, past)
        one_by_one += keys(part)
        after = part.next_number
    assert one_by_one == keys(was)


async def test_queues_are_counted(connection: asyncpg.Connection, shelf: Shelf) -> None:
    await project(connection, shelf)
    counts = {row.queue: row.count for row in await count_queues(connection, "ann")}

    assert counts == {
        "new": 1,
        "unacknowledged": 1,
        "waiting-on-customer": 1,
        "needs-review": 1,
        "mine": 1,
        "team:MOB": 2,
        "team:Product": 1,
        "team:WEB": 1,
    }


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (Filter(status="New"), "issue_status"),
        (Filter(severity="1 - Critical"), "issue_severity"),
        (Filter(assignee="ann"), "issue_assignee"),
        (Filter(source_case="jsource:12"), "issue_source_case"),
        (Filter(team="MOB"), "issue_teams"),
        (Filter(queue=Queue("unacknowledged")), "issue_unacknowledged"),
        (Filter(queue=Queue("waiting-on-customer")), "issue_awaits_customer"),
        (Filter(q="login"), "issue_words"),
        (Filter(q="login"), "comment_words"),
    ],
    ids=str,
)
async def test_every_filter_has_its_index(
    connection: asyncpg.Connection, wanted: Filter, index: str
) -> None:
    shelf = Shelf()
    for _ in range(300):
        shelf.opens(assigned("WEB"), CLOSED, said("Nothing to see."))
    shelf.opens(
        severity="1 - Critical",
        summary="login",
        source_case=SourceCase(system="jsource", number="12"),
    )
    await project(connection, shelf, batch=5_000)
    await connection.execute("ANALYZE issue")
    await connection.execute("SET enable_seqscan = off")
    plans: list[str] = []

    class Explaining:
        async def fetch(self, query: str, *arguments: object) -> list[object]:
            plans.extend(row[0] for row in await connection.fetch(f"EXPLAIN {query}", *arguments))
            return []

    await page(Explaining(), wanted, 0, 10)  # type: ignore[arg-type]

    assert any(index in line for line in plans), "\n".join(plans)


async def test_teams_are_those_that_were_defined_last(connection: asyncpg.Connection) -> None:
    shelf = Shelf()
    workflow = Workflow(statuses=("To Do",), default="To Do", review="To Do", closed=("To Do",))
    desk = shelf.opens()
    for name in ("Mobile", "Mobile Apps"):
        desk.stores(eng.TeamDefined(team="MOB", name=name, workflow=workflow, domains=("cards",)))
    await Teams(CODEC).apply(connection, shelf.rows[:2])
    await Teams(CODEC).apply(connection, shelf.rows[2:])

    assert [(t.key, t.name, t.domains) for t in await all_teams(connection)] == [
        ("MOB", "Mobile Apps", ("cards",))
    ]
