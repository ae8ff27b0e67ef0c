"""``caselog verify``: reads the logs as they are and says what does not hold, first differences."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from time import monotonic
from typing import Final, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from caselog.endpoints import SERVICES, Endpoints, Service, Unreachable
from caselog.verifying.one_log import LogCheck
from caselog.verifying.pair import compare
from caselog.verifying.services import VERIFIED, Verified
from shared.eventlog.model import LogHead, LogUnavailable, Row
from shared.eventlog.port import LogStore
from shared.eventlog.postgres import PostgresStore

BATCH: Final = 5_000
DIFFERENCES_MAX: Final = 20
"""How many differences of one log are printed; the rest are only counted."""
REST_SECONDS: Final = 10.0
"""How long to wait until each side holds what the other has published."""
LOOK_SECONDS: Final = 0.1
PAIRS: Final[tuple[tuple[Service, Service], ...]] = (("ops", "eng"), ("eng", "ops"))
"""Author and receiver."""


@dataclass(slots=True)
class Findings:
    """What was found: what was checked, and what does not hold."""

    checked: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)

    def differ(self, where: str, found: Iterable[str]) -> None:
        self.differences += [f"{where}: {difference}" for difference in found]


async def verify(endpoints: Endpoints, which: Literal["ops", "eng", "pair"]) -> bool:
    """Prints a summary, or the first differences; whether all holds. Raises Unreachable."""
    started = monotonic()
    findings = Findings()
    async with _opened(endpoints, "ops") as ops, _opened(endpoints, "eng") as eng:
        stores: dict[Service, LogStore] = {"ops": ops, "eng": eng}
        if which == "pair":
            await _at_rest(stores)
        for service in SERVICES:
            if which in {service, "pair"}:
                await _one(stores[service], VERIFIED[service], endpoints, findings)
        if which == "pair":
            await _pair(stores, findings)
    for line in findings.checked:
        typer.echo(f"checked  {line}")
    for difference in islice(findings.differences, DIFFERENCES_MAX):
        typer.echo(f"DIFFERS  {difference}")
    left = len(findings.differences) - DIFFERENCES_MAX
    if left > 0:
        typer.echo(f"         and {left:,} more")
    verdict = "does not hold" if findings.differences else "holds"
    typer.echo(f"{which} {verdict}, {monotonic() - started:.1f} s")
    return not findings.differences


async def _one(
    store: LogStore, verified: Verified, endpoints: Endpoints, findings: Findings
) -> None:
    name = verified.service
    head = await store.head()
    check = LogCheck(own=verified.source, log=head.log)
    replay = verified.replay()
    with _progress(f"reading {name}", head.position) as (progress, bar):
        async for rows in _rows(store, head):
            findings.differ(name, check.rows(rows))
            findings.differ(name, replay.rows(rows))
            progress.update(bar, advance=len(rows))
    findings.differ(name, check.end(head))
    findings.checked.append(
        f"{name}: {head.position:,} entries in {len(check.versions):,} streams: positions, "
        "versions and sequences dense, leaf hashes those of the bytes, attributes those of the rows"
    )
    found = [difference async for difference in replay.compare(endpoints.postgres[name], head)]
    findings.differ(name, found)
    findings.checked += [f"{name}: {line}" for line in replay.checked]


async def _pair(stores: Mapping[Service, LogStore], findings: Findings) -> None:
    for author, receiver in PAIRS:
        source = VERIFIED[author].source
        found = [each async for each in compare(stores[author], stores[receiver], source)]
        findings.differ("pair", found)
        published = (await stores[author].head()).sequence
        findings.checked.append(
            f"pair: {receiver} holds the {published:,} events that {author} published, "
            "the same bytes under the same numbers"
        )


async def _rows(store: LogStore, head: LogHead) -> AsyncIterator[list[Row]]:
    after = 0
    while after < head.position:
        rows = await store.read(after, min(BATCH, head.position - after))
        if not rows:
            return
        yield list(rows)
        after = rows[-1].position


async def _at_rest(stores: Mapping[Service, LogStore]) -> None:
    """Gives what is on its way the time to arrive."""
    deadline = monotonic() + REST_SECONDS
    while monotonic() < deadline:
        behind = False
        for author, receiver in PAIRS:
            held = await stores[receiver].received(VERIFIED[author].source)
            published = (await stores[author].head()).sequence
            behind |= (0 if held is None else held.sequence) < published
        if not behind:
            return
        await asyncio.sleep(LOOK_SECONDS)


@asynccontextmanager
async def _opened(endpoints: Endpoints, service: Service) -> AsyncIterator[LogStore]:
    store = PostgresStore(endpoints.postgres[service], source=VERIFIED[service].source)
    try:
        await store.open()
    except LogUnavailable as error:
        raise Unreachable(f"the database of {service} cannot be reached: {error}") from error
    try:
        yield store
    finally:
        await store.close()


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
