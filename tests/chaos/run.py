"""One run: load, faults from a schedule, recovery, and then the proof."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

import httpx

from caselog.endpoints import Endpoints, Service
from tests.chaos.checker import Log, check
from tests.chaos.clients import Clients
from tests.chaos.faults import Faults
from tests.chaos.history import Line, operations, write
from tests.chaos.product import Product
from tests.chaos.schedule import Fault
from tests.chaos.wishes import SEVERITY, Ground, Shared
from tests.kit.waiting import eventually

TEAMS: Final = 6
CASES: Final = 60
WHOLE_SECONDS: Final = 90.0
"""After the last fault everything must be well within so long; mostly it takes a second or two."""
SLOW_SECONDS: Final = 10.0
"""A recovery that takes longer is told with its reasons."""
REASON_CHARACTERS: Final = 300
REASONS_SHOWN: Final = 4
"""From the beginning and from the end."""
LOG_PAGE: Final = 20_000

Say = Callable[[str], None]


@dataclass(slots=True)
class Recovery:
    """How long after a fault's end it took until all was well; None: the next fault came first.

    ``reasons`` is what was not well meanwhile, and from how many seconds on.
    """

    fault: Fault
    what: str
    seconds: float | None = None
    reasons: list[tuple[float, str]] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"{self.fault.kind} ({self.what}): all well after {self.seconds or 0:.1f} s"]
        told = [f"    from {since:.1f} s: {reason}" for since, reason in self.reasons]
        if len(told) > 2 * REASONS_SHOWN:  # mostly figures that move
            told[REASONS_SHOWN:-REASONS_SHOWN] = ["    …"]
        lines += told
        return "\n".join(lines)


@dataclass(slots=True)
class Run:
    """Drives one run; ``say`` prints."""

    product: Product
    seed: int
    say: Say
    recoveries: list[Recovery] = field(default_factory=list)

    async def go(self, faults: Sequence[Fault]) -> list[Line]:
        """The history of all clients, once everything is at rest again."""
        endpoints = self.product.endpoints
        assert endpoints is not None
        clients = Clients(endpoints, await lay_ground(endpoints), self.seed)
        await clients.start()
        try:
            await self._suffer(faults)
            await clients.stop()
            await clients.settle()
            await eventually(
                self.product.is_at_rest, WHOLE_SECONDS, every=0.1, describe="nothing is on its way"
            )
        finally:
            await clients.close()
            write(clients.recorder.history, self.product.data / "history.jsonl")
        return clients.recorder.history

    async def _suffer(self, faults: Sequence[Fault]) -> None:
        injector = Faults(self.product, pause)
        loop = asyncio.get_running_loop()
        began = loop.time()
        watching: asyncio.Task[None] | None = None
        for fault in faults:
            await pause(fault.after)
            if watching is not None:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
            at = loop.time() - began
            what = await injector.inject(fault)
            self.say(f"{at:6.1f} s  {fault.kind}: {what or 'done'}")
            recovery = Recovery(fault, what)
            self.recoveries.append(recovery)
            watching = asyncio.create_task(self._watch(recovery))
        assert watching is not None, "a schedule has a fault at least"
        await watching

    async def _watch(self, recovery: Recovery) -> None:
        loop = asyncio.get_running_loop()
        over = loop.time()

        published: dict[Service, int] = {}

        async def is_well() -> bool:
            """Both are ready, and then each has what the other had published just now."""
            try:
                await self.product.are_ready()
                if not published:
                    published.update(await self.product.published())
                return await self.product.hold(published)
            except AssertionError as reason:
                said = str(reason).splitlines()[0][:REASON_CHARACTERS]
                if not recovery.reasons or recovery.reasons[-1][1] != said:
                    recovery.reasons.append((loop.time() - over, said))
                raise

        await eventually(is_well, WHOLE_SECONDS, every=0.05, describe=lambda: str(recovery))
        recovery.seconds = loop.time() - over
        if recovery.seconds > SLOW_SECONDS:
            self.say(f"slow: {recovery}")


async def lay_ground(endpoints: Endpoints) -> Ground:
    """Teams, and cases of which half are claimed by theirs."""
    ground = Ground()
    async with httpx.AsyncClient(timeout=httpx.Timeout(30)) as client:

        async def ask(service: Service, method: str, path: str, role: str, body: Any) -> Any:
            answer = await client.request(
                method,
                f"{endpoints.url(service)}{path}",
                json=body,
                headers={"Authorization": f"Bearer {endpoints.tokens[role]}"},
            )
            assert answer.is_success, answer.text
            return answer.json()

        for number in range(1, TEAMS + 1):
            team = f"T{number}"
            await ask("eng", "PUT", f"/teams/{team}", "manager", {"name": f"Team {number}"})
            ground.teams.append(team)
        for number in range(CASES):
            team = ground.teams[number % TEAMS]
            body = {"summary": "A case that many share", "severity": SEVERITY}
            key = (await ask("ops", "POST", "/issues", "tier2", body))["key"]
            await ask("ops", "POST", f"/issues/{key}/assign-team", "tier2", {"team": team})
            issue = None
            if number % 2:
                path = f"/teams/{team}/ops-issues/{key}/claim"
                issue = (await ask("eng", "POST", path, "engineer", {}))["key"]
            ground.shared.append(Shared(key, team, issue))
    return ground


async def read_log(endpoints: Endpoints, service: Service) -> Log:
    """All entries of a log, as anybody may read them."""
    entries: list[bytes] = []
    headers = {"Authorization": f"Bearer {endpoints.tokens['auditor']}"}
    async with httpx.AsyncClient(timeout=httpx.Timeout(60), headers=headers) as client:
        while True:
            answer = await client.get(
                f"{endpoints.url(service)}/log", params={"after": len(entries), "limit": LOG_PAGE}
            )
            assert answer.is_success, answer.text
            page = answer.content.splitlines()
            entries += page
            if not page:
                return Log.of(service, entries)


async def prove(endpoints: Endpoints, history: Sequence[Line]) -> list[str]:
    """What does not hold."""
    logs = {service: await read_log(endpoints, service) for service in ("ops", "eng")}
    return check(history, logs)  # type: ignore[arg-type]


def summary(history: Sequence[Line], recoveries: Sequence[Recovery]) -> str:
    """The figures of a run, as people read them."""
    found = operations(history)
    verdicts = Counter(each.verdict for each in found)
    asked = sum(line.type == "invoke" for line in history)
    repeats = sum(len(each.answers) > 1 for each in found)
    figures = (
        f"{len(found)} operations, asked {asked} times: {verdicts['ok']} ok, "
        f"{verdicts['refused']} refused, {verdicts['unknown']} unknown; "
        f"{repeats} told more than once"
    )
    lines = [figures]
    by_kind: dict[str, list[Recovery]] = {}
    for each in recoveries:
        by_kind.setdefault(each.fault.kind, []).append(each)
    for kind, those in sorted(by_kind.items()):
        times = [each.seconds for each in those if each.seconds is not None]
        took = "the next came first"
        if times:
            took = f"all well again after {median(times):.1f} s, at most {max(times):.1f} s"
        lines.append(f"  {kind}: {len(those)}, {took}")
    return "\n".join(lines)


async def pause(seconds: float) -> None:
    """Returns when the loop's clock has gone on by so much: faults come and last by the clock."""
    elapsed = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, elapsed.set)
    await elapsed.wait()
