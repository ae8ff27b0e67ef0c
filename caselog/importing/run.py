"""The import: many incidents in flight, each one's events in order, proven by reading back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Any, Final

from caselog.client import ask, service_client
from caselog.endpoints import Endpoints
from caselog.importing.journal import Journal
from caselog.importing.progress import Update, shown
from caselog.importing.publisher import Publisher, publisher
from caselog.importing.report import FAILURES, Report
from caselog.importing.servicenow import (
    OPENED,
    SOURCE,
    SYSTEM,
    WORKFLOW,
    Incident,
    Planned,
    incidents,
)
from caselog.importing.servicenow_files import rows_of
from shared.events.intake import Fault

READERS: Final = 16
CLOSED: Final = "Issue is Closed"
FAULTS: Final = frozenset(Fault)
CATCHING_UP_SECONDS: Final = 60.0
LOOK_SECONDS: Final = 0.1


async def import_file(
    path: Path, endpoints: Endpoints, data: Path, *, limit: int | None, concurrency: int
) -> Report:
    """Drives the incident log at ``path`` through both services.

    Raises UnusableLog, OSError (the file), Unreachable, Answered, NoReceipt.
    """
    plans = list(islice(incidents(rows_of(path)), limit))
    report = Report()
    started = monotonic()
    async with publisher(endpoints.nats, SYSTEM) as system:
        with Journal(data / "imports", path) as journal:
            todo = [plan for plan in plans if plan.number not in journal.finished]
            report.incidents, report.before = len(todo), len(plans) - len(todo)
            await _define_teams(endpoints, todo)
            with shown(len(todo)) as update:
                await system.during(_play_all(todo, system, journal, report, update, concurrency))
    report.seconds = monotonic() - started
    await _read_back(endpoints, plans, report)
    return report


async def _play_all(
    todo: Sequence[Incident],
    system: Publisher,
    journal: Journal,
    report: Report,
    update: Update,
    concurrency: int,
) -> None:
    waiting = iter(todo)
    done = 0

    async def work() -> None:
        nonlocal done
        for incident in waiting:
            report.rows += incident.rows
            report.skipped += incident.skipped
            if await _play(incident, system, report):
                journal.finish(incident.number)
            done += 1
            update(done, report.outcomes.total())

    async with asyncio.TaskGroup() as workers:
        for _ in range(min(concurrency, len(todo))):
            workers.create_task(work())


async def _play(incident: Incident, system: Publisher, report: Report) -> bool:
    """Publishes its events, each after the receipt of the one before; whether it is finished.

    It is not if an event failed: the next run tries again. What a rule refuses is final.
    """
    finished = True
    after: dict[str, int] = {}
    for number, event in enumerate(incident.events, 1):
        receipt = await system.publish(event.service, _cloud_event(incident, event, after))
        if receipt.position is not None:
            after[event.service] = receipt.position
        report.took(event, receipt)
        if receipt.rule in FAILURES:
            finished = False
            # Nothing can follow without the issue, or in the place of what must be tried again.
            if event.type == OPENED or receipt.rule not in FAULTS:
                report.behind += len(incident.events) - number
                break
    return finished


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
    """Those that are not there yet; what people made of the others stays as it is."""
    groups = {key: name for plan in plans for key, name in plan.groups.items()}
    async with service_client(endpoints, "eng", "system") as http:
        params: dict[str, str] = {}
        while True:
            page = await ask(http, "GET", "/teams", params=params)
            for team in page["items"]:
                groups.pop(team["team"], None)
            if page["next_cursor"] is None:
                break
            params = {"cursor": page["next_cursor"]}
        for key, name in sorted(groups.items()):
            definition = {"name": name, "manager": f"{name} manager", "workflow": WORKFLOW}
            await ask(http, "PUT", f"/teams/{key}", json=definition)


async def _read_back(endpoints: Endpoints, plans: Sequence[Incident], report: Report) -> None:
    """Every incident whose last state is Closed must be closed here: asks the service."""
    waiting = iter([plan.number for plan in plans if plan.closed])
    await _caught_up(endpoints)
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


async def _caught_up(endpoints: Endpoints) -> None:
    """Waits until the read models hold what the log of Operations holds now; not for ever."""
    async with service_client(endpoints, "ops", "operator") as http:
        recorded = (await ask(http, "GET", "/lag"))["position"]
        deadline = monotonic() + CATCHING_UP_SECONDS
        while monotonic() < deadline:
            models = (await ask(http, "GET", "/lag"))["projections"]
            if all(position >= recorded for position in models.values()):
                return
            await asyncio.sleep(LOOK_SECONDS)
