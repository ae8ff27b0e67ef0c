"""What a bench stands on: servers of its own, in a directory that goes away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Protocol

import asyncpg

from bench.effort import Effort
from caselog.embedded.nats import EmbeddedNats, NatsOptions
from caselog.embedded.postgres import EmbeddedPostgres
from caselog.embedded.postgres_settings import PostgresOptions
from caselog.endpoints import Service
from caselog.provisioning import ServiceDatabase, migrate_databases, provide_databases

SHARED_BUFFERS: Final = "512MB"


class Part(Protocol):
    """What has to run while something is measured."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...


@dataclass(slots=True)
class Ground:
    """A PostgreSQL server with the databases of both services, and a NATS server if asked for."""

    directory: Path
    databases: dict[Service, ServiceDatabase]
    _postgres: EmbeddedPostgres
    _nats: EmbeddedNats

    def dsn(self, service: Service) -> str:
        """A service's database, as that service."""
        return self.databases[service].app_dsn

    def bare_dsn(self, service: Service) -> str:
        """The same database for a floor, which makes tables of its own."""
        return self._postgres.dsn(self.databases[service].role)

    async def nats(self) -> str:
        """The URL of a NATS server, which syncs every message."""
        if self._nats.pid is None:
            await self._nats.start()
        return self._nats.url

    async def settle(self, service: Service) -> None:
        """Vacuums what was loaded and writes it out now, so that nobody does while we measure."""
        connection = await asyncpg.connect(self.bare_dsn(service))
        try:
            await connection.execute("VACUUM ANALYZE")
            await connection.execute("CHECKPOINT")
        finally:
            await connection.close()


@asynccontextmanager
async def ground(effort: Effort) -> AsyncIterator[Ground]:
    """Servers for one bench; nothing is left of them."""
    with TemporaryDirectory(prefix="caselog-bench-") as name:
        directory = Path(name)
        postgres = EmbeddedPostgres(
            directory / "postgres",
            PostgresOptions(durable=effort.durable, shared_buffers=SHARED_BUFFERS),
        )
        nats = EmbeddedNats(directory / "nats", NatsOptions(durable=effort.durable))
        try:
            await postgres.start()
            databases = await provide_databases(postgres)
            await migrate_databases(databases)
            yield Ground(directory, databases, postgres, nats)
        finally:
            await asyncio.gather(nats.stop(), postgres.stop())


@asynccontextmanager
async def running(*parts: Part) -> AsyncIterator[None]:
    """Starts these in order, and stops them in the opposite one."""
    async with AsyncExitStack() as started:
        for part in parts:
            await part.start()
            started.push_async_callback(part.stop)
        yield
