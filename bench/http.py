"""Commands over HTTP to a running service, against a handler that does nothing.

The service is a process as ``caselog serve ops`` starts it, exchange included: token, body, load,
decide, append, answer. Its floor is Litestar behind the same server with the same settings, which
reads the same body. Requests come from a third process.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Final

import msgspec

from bench.cases import TEXT, fill, ops_log
from bench.effort import Effort
from bench.ground import Ground, running
from bench.http_client import Answers, hammer, post
from bench.newcomer import Newcomer
from bench.report import Report
from caselog.embedded.ports import free_port
from caselog.embedded.process import Daemon
from caselog.provisioning import provide_keys, settings, tokens
from caselog.service_process import ServiceProcess, environment
from caselog.stack import Layout

ISSUES: Final = 1_000
EVENTS_BEFORE: Final = 6
CONNECTIONS: Final = (1, 64)
STOP_SECONDS: Final = 20.0
START_SECONDS: Final = 30.0


class EmptyServer:
    """The floor in a process of its own."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self._daemon = Daemon("floor", directory / "floor", directory / "floor.log")

    async def start(self) -> None:
        await self._daemon.claim()
        command = [sys.executable, "-m", "bench.floors.http", str(self.port)]
        await self._daemon.spawn(command, env=environment({}))
        await self._daemon.until(self._accepts, START_SECONDS)

    async def stop(self) -> None:
        await self._daemon.stop(STOP_SECONDS)
        self._daemon.release()

    async def _accepts(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        return True


@dataclass(slots=True)
class Run:
    """What one run of one contestant came to."""

    requests: int = 0
    seconds: float = 0.0
    waited_ms: list[float] = field(default_factory=list)

    def add(self, answers: Answers) -> None:
        if answers.statuses.keys() != {200}:
            raise RuntimeError(f"not all were answered with 200: {answers.statuses}")
        self.requests += len(answers.waited_ms)
        self.seconds += answers.seconds
        self.waited_ms += answers.waited_ms

    @property
    def rate(self) -> float:
        return self.requests / self.seconds

    @property
    def p99(self) -> float:
        return quantiles(self.waited_ms, n=100, method="inclusive")[98]


async def measure(report: Report, ground: Ground, effort: Effort) -> None:
    """Comments per second, and how long the slowest in a hundred takes."""
    layout = Layout.of(ground.directory)
    layout.make()
    provide_keys(layout)
    log = ops_log(ground.dsn("ops"))
    async with running(log):
        keys = await fill(log, effort.of(ISSUES), EVENTS_BEFORE)
    await ground.settle("ops")
    port, nats = free_port(), await ground.nats()
    service = ServiceProcess(
        name="ops",
        service="ops",
        port=port,
        home=layout.service("ops"),
        log=layout.log("ops"),
        settings=settings(layout, ground.databases["ops"], nats=nats, port=port),
    )
    empty = EmptyServer(ground.directory)
    token = tokens(layout)["tier2"]
    body = msgspec.json.encode({"body": TEXT, "visibility": "internal"})
    requests = [post(f"/issues/{key}/comment", token, body) for key in keys]
    try:
        # A log that has events takes none before it was compared with the other service's.
        async with running(Newcomer(nats, "eng")):
            await service.start()
        async with running(empty):
            await _compare(report, {"service": port, "floor": empty.port}, requests, effort)
    finally:
        await service.stop(STOP_SECONDS)


async def _compare(
    report: Report, ports: dict[str, int], requests: Sequence[bytes], effort: Effort
) -> None:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        await _race(pool, ports, requests, 16, effort.warming())
        for connections in CONNECTIONS:
            runs = await _race(pool, ports, requests, connections, effort)
            name = f"HTTP, {connections} connection{'s' if connections > 1 else ''}"
            floor_name = "empty Litestar POST"
            service, floor = runs["service"], runs["floor"]
            report.add(
                f"{name}: commands",
                "requests/s",
                [run.rate for run in service],
                floor_name=floor_name,
                floor=[run.rate for run in floor],
            )
            report.add(
                f"{name}: p99",
                "ms",
                [run.p99 for run in service],
                floor_name=floor_name,
                floor=[run.p99 for run in floor],
                more_is_better=False,
            )


async def _race(
    pool: ProcessPoolExecutor,
    ports: dict[str, int],
    requests: Sequence[bytes],
    connections: int,
    effort: Effort,
) -> dict[str, list[Run]]:
    """All runs of all contestants, in turns."""
    loop = asyncio.get_running_loop()
    runs: dict[str, list[Run]] = {name: [] for name in ports}
    for _ in range(effort.runs):
        for name in ports:
            runs[name].append(Run())
        for _ in range(effort.slices):
            for name, port in ports.items():
                seconds = effort.seconds / effort.slices
                answers = await loop.run_in_executor(
                    pool, hammer, port, requests, connections, seconds
                )
                runs[name][-1].add(answers)
    return runs
