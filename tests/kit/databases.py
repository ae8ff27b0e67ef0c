"""Fresh databases on a running server, made in some 20 ms each by copying a prepared one."""

from __future__ import annotations

import asyncio
import inspect
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import asyncpg

from caselog.embedded import databases
from caselog.embedded.databases import Login

Prepare = Callable[[str], Awaitable[None] | None]
"""Fills an empty database, given its owner's DSN: ``shared.eventlog.migrate.migrate`` is one."""

ROLES_LOCK: Final = 7_225_117
"""Roles belong to the whole server; two workers on one given server must not race for them."""


@dataclass(frozen=True, slots=True)
class Database:
    """One fresh database: who may change its schema, who uses it, and a superuser for the test."""

    name: str
    owner_dsn: str
    app_dsn: str
    admin_dsn: str


class Databases:
    """Makes databases on one server, and drops them.

    ``prefix`` keeps parallel workers on one given server apart.
    """

    def __init__(self, admin_dsn: str, prefix: str) -> None:
        self._admin_dsn = admin_dsn
        self._prefix = prefix
        self._owner = Login(f"caselog_{prefix}_owner", "the owner of a test")
        self._app = Login(f"caselog_{prefix}", "the application of a test")
        self._numbers = itertools.count(1)
        self._templates: dict[Prepare, str] = {}
        self._roles_made = False

    async def create(self, prepare: Prepare | None = None) -> Database:
        """A new database; with ``prepare``, a copy of one that it filled once per server.

        Whatever ``prepare`` makes at random is therefore the same in each copy.
        """
        connection = await asyncpg.connect(self._admin_dsn)
        try:
            if not self._roles_made:
                await self._make_roles(connection)
            template = "template0" if prepare is None else await self._template(connection, prepare)
            name = self._new_name()
            await databases.create_database(
                connection, name, owner=self._owner.role, template=template
            )
            await databases.grant_database(connection, name, app=self._app.role)
        finally:
            await connection.close()
        return self._described(name)

    async def drop(self, database: Database) -> None:
        """Disconnect whoever is still in it, and drop it."""
        await self._drop(database.name)

    async def close(self) -> None:
        """Drop the prepared ones too."""
        for name in self._templates.values():
            await self._drop(name)

    async def _template(self, connection: asyncpg.Connection, prepare: Prepare) -> str:
        if prepare not in self._templates:
            name = self._new_name()
            await databases.create_database(connection, name, owner=self._owner.role)
            await databases.grant_database(connection, name, app=self._app.role)
            dsn = self._described(name).owner_dsn
            if inspect.iscoroutinefunction(prepare):
                await prepare(dsn)
            else:
                await asyncio.to_thread(prepare, dsn)
            self._templates[prepare] = name
        return self._templates[prepare]

    async def _make_roles(self, connection: asyncpg.Connection) -> None:
        await connection.execute("SELECT pg_advisory_lock($1)", ROLES_LOCK)
        try:
            await databases.ensure_roles(connection, owner=self._owner, app=self._app)
        finally:
            await connection.execute("SELECT pg_advisory_unlock($1)", ROLES_LOCK)
        self._roles_made = True

    async def _drop(self, name: str) -> None:
        connection = await asyncpg.connect(self._admin_dsn)
        try:
            await connection.execute(f"DROP DATABASE {databases.name(name)} WITH (FORCE)")
        finally:
            await connection.close()

    def _new_name(self) -> str:
        return f"caselog_{self._prefix}_{next(self._numbers)}"

    def _described(self, name: str) -> Database:
        return Database(
            name=name,
            owner_dsn=dsn_for(self._admin_dsn, name, self._owner),
            app_dsn=dsn_for(self._admin_dsn, name, self._app),
            admin_dsn=dsn_for(self._admin_dsn, name),
        )


def dsn_for(dsn: str, database: str, login: Login | None = None) -> str:
    """The same server, another database, and another role if one is given."""
    parts = urlsplit(dsn)
    netloc = parts.netloc
    if login is not None:
        secret = login.password.replace(" ", "%20")
        netloc = f"{login.role}:{secret}@{netloc.rpartition('@')[2]}"
    return parts._replace(netloc=netloc, path=f"/{database}").geturl()
