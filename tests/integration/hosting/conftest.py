"""The made-up service, running: over a log in memory, with real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from shared.eventlog.log import EventLog
from shared.eventlog.memory import MemoryStore
from shared.hosting.app import Site, build_app
from shared.hosting.clock import utc_now
from shared.hosting.edge import Edge
from shared.hosting.health import Readiness
from shared.hosting.http_server import HttpServer
from shared.hosting.ids import new_id
from shared.hosting.keys import generate_key, public_jwks, write_whole
from shared.hosting.lifetime import Lifetime
from shared.hosting.log_routes import LogRoutes
from shared.hosting.metrics import Metrics
from shared.hosting.tokens import TokenVerifier, issue_token
from tests.integration.hosting.boxes import CODEC, SOURCE, Boxes


@dataclass
class Running:
    """A service that runs, and what a test needs of it."""

    boxes: Boxes
    log: EventLog
    store: MemoryStore
    server: HttpServer
    edge: Edge
    lifetime: Lifetime
    log_routes: LogRoutes
    metrics: Metrics
    checks: dict[str, str | None]
    signing_key: Path

    async def stop(self) -> None:
        await self.server.stop()
        await self.log.stop()

    @property
    def url(self) -> str:
        return self.server.url

    def token(self, role: str = "tier2", name: str = "ada", teams: tuple[str, ...] = ()) -> str:
        return issue_token(
            self.signing_key, name=name, role=role, teams=teams, ttl=timedelta(minutes=5)
        )

    def client(
        self, role: str = "tier2", name: str = "ada", teams: tuple[str, ...] = ()
    ) -> httpx.AsyncClient:
        """A client with a token of that role."""
        return httpx.AsyncClient(
            base_url=self.url,
            headers={"Authorization": f"Bearer {self.token(role, name, teams)}"},
            timeout=20,
        )


@pytest.fixture(scope="session")
def signing_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "private.json"
    generate_key(path)
    write_whole(path.with_name("jwks.json"), public_jwks(path), mode=0o644)
    return path


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(source=SOURCE, clock=utc_now, new_id=new_id)


@pytest.fixture
async def service(signing_key: Path, store: MemoryStore) -> AsyncIterator[Running]:
    running = await start(signing_key, store)
    yield running
    await running.stop()


async def start(key: Path, store: MemoryStore) -> Running:
    """The service over that store, as a process of its own would be."""
    log = EventLog(store, source=SOURCE, codec=CODEC, clock=utc_now)
    await log.start()
    lifetime = Lifetime()
    boxes = Boxes(log, utc_now, new_id)
    checks: dict[str, str | None] = {"database": None}

    async def database() -> str | None:
        return checks["database"]

    metrics = Metrics()
    log.on_commit(metrics.committed)
    log_routes = LogRoutes(log, lifetime, utc_now)
    app = build_app(
        Site(
            title="Boxes",
            version="1.0.0",
            log=log,
            verifier=TokenVerifier(key.with_name("jwks.json")),
            readiness=Readiness({"database": database}, lifetime),
            metrics=metrics,
            routes=[*boxes.routes(), *log_routes.routes()],
            asyncapi=lambda: b'{"asyncapi": "3.0.0"}',
        )
    )
    server = HttpServer(app, "127.0.0.1", 0, lifetime)
    await server.start()
    return Running(boxes, log, store, server, app, lifetime, log_routes, metrics, checks, key)


@pytest.fixture
async def client(service: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with service.client() as ready:
        yield ready
