"""``caselog verify``: reads the logs as they are and says what does not hold, first differences."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from time import monotonic
from typing import Final, Literal

import asyncpg
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from caselog.endpoints import SERVICES, Endpoints, Service, Unreachable
from caselog.verifying.findings import Findings
from caselog.verifying.one_log import LogCheck
from caselog.verifying.pair import compare
from caselog.verifying.services import VERIFIED, Verified
from shared.eventlog.model import LogUnavailable, Row
from shared.eventlog.port import LogStore
from shared.eventlog.postgres import PostgresStore

BATCH: Final = 5_000
PAIRS: Final[tuple[tuple[Service, Service], ...]] = (("ops", "eng"), ("eng", "ops"))
"""Author and receiver."""

Which = Literal["ops", "eng", "pair"]


async def verify(endpoints: Endpoints, which: Which) -> bool:
    """Prints a summary, or the first differences; whether all holds. Raises Unreachable."""
    started = monotonic()
    findings = await examine(endpoints, which)
    for line in findings.checked:
        typer.echo(f"checked  {line}")
    for difference in findings.differences:
        typer.echo(f"DIFFERS  {difference}")
    if findings.more:
        typer.echo(f"         and {findings.more:,} more")
    verdict = "does not hold" if findings.count else "holds"
    typer.echo(f"{which} {verdict}, {monotonic() - started:.1f} s")
    return not findings.count


async def examine(endpoints: Endpoints, which: Which) -> Findings:
    """Everything that is proven of one log, or of both and of each against the other.

    Both services may go on meanwhile. Raises Unreachable.
    """
    findings = Findings()
    async with AsyncExitStack() as opened:
        stores: dict[Service, LogStore] = {}
        for service in SERVICES:
            if which in {service, "pair"}:
                stores[service] = await opened.enter_async_context(_opened(endpoints, service))
        for service, store in stores.items():
            with _still_there(service):
                await _one(store, VERIFIED[service], endpoints, findings)
        if which == "pair":
            with _still_there("ops or eng"):
                await _pair(stores, findings)
    return findings


async def _one(
    store: LogStore, verified: Verified, endpoints: Endpoints, findings: Findings
) -> None:
    name = verified.service
    tip = await store.tip()
    head = tip.head
    check = LogCheck(own=verified.source, log=head.log)
    replay = verified.replay()
    before = findings.count
    with _progress(f"reading {name}", head.position) as (progress, bar):
        async for rows in _rows(store, head.position):
            findings.differ(name, check.rows(rows))
            findings.differ(name, replay.rows(rows))
            progress.update(bar, advance=len(rows))
    findings.differ(name, check.end(tip, await _beyond(store, head.position)))
    if findings.count == before:
        findings.checked.append(
            f"{name}: {head.position:,} entries in {len(check.versions):,} streams: positions, "
            "versions and sequences dense, leaf hashes those of the bytes, attributes those of the "
            "rows"
        )
    before = findings.count
    await findings.differ_in(name, replay.compare(endpoints.postgres[name], head))
    if findings.count == before:
        findings.checked += [f"{name}: {line}" for line in replay.checked]


async def _pair(stores: Mapping[Service, LogStore], findings: Findings) -> None:
    for author, receiver in PAIRS:
        upto = (await stores[author].head()).sequence
        before = findings.count
        source = VERIFIED[author].source
        await findings.differ_in("pair", compare(stores[author], stores[receiver], source, upto))
        if findings.count == before:
            findings.checked.append(
                f"pair: {receiver} holds the {upto:,} events that {author} published, "
                "the same bytes under the same numbers"
            )


async def _rows(store: LogStore, upto: int) -> AsyncIterator[list[Row]]:
    after = 0
    while after < upto:
        rows = [row for row in await store.read(after, BATCH) if row.position <= upto]
        if not rows:
            return
        yield rows
        after = rows[-1].position


async def _beyond(store: LogStore, position: int) -> Row | None:
    """The first row behind that position that the head does not reach even now."""
    for row in await store.read(position, 1):
        if row.position > (await store.head()).position:
            return row
    return None


@asynccontextmanager
async def _opened(endpoints: Endpoints, service: Service) -> AsyncIterator[LogStore]:
    store = PostgresStore(endpoints.postgres[service], source=VERIFIED[service].source)
    with _still_there(service):
        await store.open()
    try:
        yield store
    finally:
        await store.close()


@contextmanager
def _still_there(service: str) -> Iterator[None]:
    try:
        yield
    except (LogUnavailable, OSError, asyncpg.InterfaceError, asyncpg.PostgresError) as error:
        raise Unreachable.server(f"the database of {service}", error) from error


@contextmanager
def _progress(title: str, total: int) -> Iterator[tuple[Progress, TaskID]]:
    console = Console(stderr=True)
    with Progress(
        TextColumn(title),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("entries"),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    ) as progress:
        yield progress, progress.add_task(title, total=total)
