"""Backups of one service's database on a running ``caselog up``, as an administrator makes them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from caselog.embedded import databases
from caselog.embedded.postgres import EmbeddedPostgres
from caselog.embedded.postgres_settings import PostgresOptions
from caselog.endpoints import Service

CLOSE = "ALTER DATABASE {} ALLOW_CONNECTIONS {}"
END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1"


class Backups:
    """One backup of each service's database, within the server of the stack in ``data``."""

    def __init__(self, data: Path) -> None:
        self._server = EmbeddedPostgres(data / "postgres", PostgresOptions(durable=False))
        self._server.port = int((data / "postgres" / "port").read_text())

    async def take(self, service: Service) -> None:
        """Copies the database as it is; whoever uses it is cut off for that moment."""
        async with self._alone(service) as admin:
            await databases.create_database(
                admin, _backup(service), owner=f"{_of(service)}_owner", template=_of(service)
            )

    async def restore(self, service: Service) -> None:
        """Puts the backup in the place of the database; what came later is lost."""
        async with self._alone(service) as admin:
            await admin.execute(f"ALTER DATABASE {_of(service)} RENAME TO {_of(service)}_lost")
            await admin.execute(f"ALTER DATABASE {_backup(service)} RENAME TO {_of(service)}")
            await databases.grant_database(admin, _of(service), app=_of(service))

    @asynccontextmanager
    async def _alone(self, service: Service) -> AsyncIterator[asyncpg.Connection]:
        admin = await asyncpg.connect(self._server.dsn())
        try:
            await admin.execute(CLOSE.format(_of(service), "false"))
            await admin.execute(END, _of(service))
            yield admin
            await admin.execute(CLOSE.format(_of(service), "true"))
        finally:
            await admin.close()


def _of(service: Service) -> str:
    return f"caselog_{service}"


def _backup(service: Service) -> str:
    return f"caselog_{service}_backup"
