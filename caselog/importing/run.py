"""The import: many incidents in flight, each one's events in order, proven by reading back."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from caselog.client import ask, service_client
from caselog.endpoints import Endpoints
from caselog.importing.journal import Journal
from caselog.importing.publisher import Publisher, publisher
from caselog.importing.servicenow import (
    SOURCE,
    SYSTEM,
    WORKFLOW,
    Incident,
    Planned,
    incidents,
)
from caselog.importing.servicenow_files import rows_of
from shared.events.intake import Fault, Receipt

EXAMPLES_MAX: Final = 10
READERS: Final = 16
CLOSED: Final = "Issue is Closed"
FAULTS: Final = frozenset(Fault)


@dataclass(slots=True)
class Report:
    """What an import did: events by outcome, rows by reason, and what reading back did not find."""

    incidents: int = 0
    before: int = 0
    rows: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    malformed: int = 0
    examples: list[str] = field(default_factory=list)
    unclosed: list[str] = field(default_factory=list)
    proven: int = 0
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        """Whether all ended as it must; what a rule of the domain refused is told, and no fault."""
        return not self.unclosed and not self.malformed

    def took(self, event: Planned, receipt: Receipt) -> None:
        self.outcomes[receipt.outcome] += 1
        self.events[f"{event.service} {event.type}"] += 1
        if receipt.outcome == "refused":
            self.malformed += receipt.rule in FAULTS
            self.refusals[f"{event.service} {event.type}: {receipt.rule or receipt.reason}"] += 1
            if len(self.examples) < EXAMPLES_MAX:
                self.examples.append(f"{event.id} {event.type}: {receipt.reason}")


async def import_file(
    path: Path, endpoints: Endpoints, data: Path, *, limit: int | None, concurrency: int
) -> Report:
    """Drives the incident log at ``path`` through both services.

    Raises UnusableLog, OSError (the file), Unreachable, NoReceipt.
    """
    plans = list(incidents(rows_of(path)))[:limit]
    report = Report()
    for incident in plans:
        report.rows += incident.rows
        report.skipped += incident.skipped
    started = monotonic()
    async with publisher(endpoints.nats, SYSTEM) as system:
        with Journal(data / "imports", path) as journal:
            todo = [plan for plan in plans if plan.number not in journal.finished]
            report.incidents, report.before = len(todo), len(plans) - len(todo)
            await _define_teams(endpoints, todo)
            with _progress(len(todo)) as progress:
                await _publish_all(todo, system, journal, report, progress, concurrency)
    report.seconds = monotonic() - started
    await _read_back(endpoints, plans, report)
    return report


async def _publish_all(
    todo: Sequence[Incident],
    system: Publisher,
    journal: Journal,
    report: Report,
    progress: Progress,
    concurrency: int,
) -> None:
    waiting = iter(todo)
    (bar,) = progress.task_ids

    async def work() -> None:
        for incident in waiting:
            after: dict[str, int] = {}
            for event in incident.events:
                receipt = await system.publish(event.service, _cloud_event(incident, event, after))
                if receipt.position is not None:
                    after[event.service] = receipt.position
                report.took(event, receipt)
            journal.finish(incident.number)
            progress.update(bar, advance=1, events=report.outcomes.total())

    async with asyncio.TaskGroup() as workers:
        for _ in range(concurrency):
            workers.create_task(work())


def _cloud_event(incident: Incident, event: Planned, after: dict[str, int]) -> dict[str, Any]:
    """The event as published. ``after`` is what it presumes of the other service's log."""
    cloud_event = {
        "specversion": "1.0",
        "id": event.id,
        "source": SOURCE,
        "type": f"caselog.{event.service}.{event.type}.v1",
        "subject": f"{SYSTEM}:{incident.number}",
        "time": event.time.isoformat(),
        "datacontenttype": "application/json",
        "data": event.data,
    }
    other = "eng" if event.service == "ops" else "ops"
    if other in after:
        cloud_event["after"] = f"{other}:{after[other]}"
    return cloud_event


async def _define_teams(endpoints: Endpoints, plans: Sequence[Incident]) -> None:
    groups = {key: name for plan in plans for key, name in plan.groups.items()}
    async with service_client(endpoints, "eng", "system") as http:
        for key, name in sorted(groups.items()):
            team = {"name": name, "manager": f"{name} manager", "workflow": WORKFLOW}
            await ask(http, "PUT", f"/teams/{key}", json=team)


async def _read_back(endpoints: Endpoints, plans: Sequence[Incident], report: Report) -> None:
    """Every incident whose last state is Closed must be closed here: asks the service."""
    waiting = iter([plan.number for plan in plans if plan.closed])
    async with service_client(endpoints, "ops", "system") as http:

        async def read() -> None:
            for number in waiting:
                case = {"source_case": f"{SYSTEM}:{number}"}
                found = (await ask(http, "GET", "/issues", params=case))["items"]
                if len(found) == 1 and found[0]["status"] == CLOSED:
                    report.proven += 1
                else:
                    state = ", ".join(f"{issue['key']} {issue['status']}" for issue in found)
                    report.unclosed.append(f"{number}: {state or 'not found'}")

        async with asyncio.TaskGroup() as readers:
            for _ in range(READERS):
                readers.create_task(read())


@contextmanager
def _progress(total: int) -> Iterator[Progress]:
    console = Console(stderr=True)
    with Progress(
        TextColumn("importing"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("incidents, {task.fields[events]} events"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        progress.add_task("import", total=total, events=0)
        yield progress
