"""Databases and roles on a server, made the same way by ``caselog up`` and by the tests.

Each database has two roles of its own. The owner changes the schema and is used for migrations
alone. The application's role may connect and create schemas (for its projections); what it may do
with the log, the migrations say, by grants to the group ``caselog_app``, of which every
application role is a member.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import asyncpg

APPLICATIONS: Final = "caselog_app"
"""The group that migrations grant to; it cannot log in."""


@dataclass(frozen=True, slots=True)
class Login:
    """A role and its password."""

    role: str
    password: str


async def ensure_roles(connection: asyncpg.Connection, *, owner: Login, app: Login) -> None:
    """Create what is missing and set both passwords; needs a superuser's connection."""
    await _ensure_role(connection, APPLICATIONS, "NOLOGIN")
    await _ensure_role(connection, owner.role, f"LOGIN PASSWORD {literal(owner.password)}")
    await _ensure_role(connection, app.role, f"LOGIN PASSWORD {literal(app.password)}")
    await connection.execute(f"GRANT {name(APPLICATIONS)} TO {name(app.role)}")


async def ensure_database(
    connection: asyncpg.Connection, database: str, *, owner: str, app: str
) -> None:
    """Create the database if it is missing, and grant what its two roles may."""
    known = await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", database)
    if known is None:
        await create_database(connection, database, owner=owner)
    await grant_database(connection, database, app=app)


async def create_database(
    connection: asyncpg.Connection, database: str, *, owner: str, template: str = "template0"
) -> None:
    """Create a database, empty or as a copy of ``template`` (which nobody may be connected to)."""
    await connection.execute(
        f"CREATE DATABASE {name(database)} OWNER {name(owner)} TEMPLATE {name(template)}"
    )


async def grant_database(connection: asyncpg.Connection, database: str, *, app: str) -> None:
    """Let its owner and its application in, and nobody else."""
    await connection.execute(f"REVOKE ALL ON DATABASE {name(database)} FROM PUBLIC")
    await connection.execute(
        f"GRANT CONNECT, CREATE, TEMPORARY ON DATABASE {name(database)} TO {name(app)}"
    )


async def _ensure_role(connection: asyncpg.Connection, role: str, options: str) -> None:
    known = await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role)
    verb = "CREATE" if known is None else "ALTER"
    await connection.execute(f"{verb} ROLE {name(role)} WITH {options}")


def name(text: str) -> str:
    """An SQL identifier; these statements take no parameters."""
    return '"' + text.replace('"', '""') + '"'


def literal(text: str) -> str:
    """An SQL string; these statements take no parameters."""
    return "'" + text.replace("'", "''") + "'"
