"""What a stack needs besides running servers: databases, keys, and the file that tells others."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import asyncpg
import msgspec
import psycopg

from caselog.embedded import databases
from caselog.embedded.databases import Login
from caselog.embedded.ports import LOOPBACK
from caselog.embedded.postgres import EmbeddedPostgres
from caselog.embedded.process import StartFailed
from caselog.endpoints import SERVICES, Endpoints, Service
from caselog.stack import Layout
from shared.bus.migrate import migrate
from shared.hosting.keys import generate_key, public_jwks, write_whole
from shared.hosting.principal import ALL_TEAMS, Role
from shared.hosting.tokens import issue_token

TOKEN_ROLES: Final = (
    Role.TIER2,
    Role.ENGINEER,
    Role.MANAGER,
    Role.OPERATOR,
    Role.AUDITOR,
    Role.SYSTEM,
)
TOKEN_LIFETIME: Final = timedelta(days=30)
"""They are made anew at each start."""


@dataclass(frozen=True, slots=True)
class ServiceDatabase:
    """One service's database: for its owner, who migrates it, and for the service itself."""

    role: str
    owner_dsn: str
    app_dsn: str


async def provide_databases(postgres: EmbeddedPostgres) -> dict[Service, ServiceDatabase]:
    """Roles and databases of both services, made if they are missing.

    Raises:
        StartFailed: the server does not let us in.
    """
    made: dict[Service, ServiceDatabase] = {}
    try:
        connection = await asyncpg.connect(postgres.dsn())
    except (OSError, asyncpg.PostgresError) as error:
        raise StartFailed(f"{postgres.name} cannot be used: {error}") from error
    try:
        for service in SERVICES:
            app, owner = f"caselog_{service}", f"caselog_{service}_owner"
            await databases.ensure_roles(
                connection,
                owner=Login(owner, postgres.password(owner)),
                app=Login(app, postgres.password(app)),
            )
            await databases.ensure_database(connection, app, owner=owner, app=app)
            made[service] = ServiceDatabase(
                role=app, owner_dsn=postgres.dsn(app, owner), app_dsn=postgres.dsn(app, app)
            )
    finally:
        await connection.close()
    return made


async def migrate_databases(made: Mapping[Service, ServiceDatabase]) -> None:
    """Bring both to this version. The tool is synchronous, so it works in a thread.

    Raises:
        StartFailed: a database refused.
    """
    for service, database in made.items():
        try:
            await asyncio.to_thread(migrate, database.owner_dsn)
        except psycopg.Error as error:
            raise StartFailed(f"migrating the database of {service}: {error}") from error


def settings(layout: Layout, database: ServiceDatabase, *, nats: str, port: int) -> dict[str, str]:
    """What a service is told, as environment variables."""
    return {
        "CASELOG_POSTGRES_DSN": database.app_dsn,
        "CASELOG_NATS_URL": nats,
        "CASELOG_JWKS": str(layout.jwks),
        "CASELOG_HTTP_HOST": LOOPBACK,
        "CASELOG_HTTP_PORT": str(port),
    }


def provide_keys(layout: Layout) -> None:
    """The key that signs tokens, and the file that services verify them with.

    What is there stays: keys may have been added to the second by hand.
    """
    if not layout.token_key.exists():
        generate_key(layout.token_key)
    if not layout.jwks.exists():
        write_whole(layout.jwks, public_jwks(layout.token_key), mode=0o644)


def tokens(layout: Layout) -> dict[str, str]:
    """A token for each role, named like it; the engineer's is good for every team."""
    return {
        role.value: issue_token(
            layout.token_key,
            name=role.value,
            role=role,
            teams=[ALL_TEAMS] if role is Role.ENGINEER else (),
            ttl=TOKEN_LIFETIME,
        )
        for role in TOKEN_ROLES
    }


def write_endpoints(layout: Layout, endpoints: Endpoints) -> None:
    """Tell everybody who may read it, in one step; it holds tokens and passwords."""
    content = msgspec.json.format(msgspec.json.encode(endpoints)) + b"\n"
    write_whole(layout.endpoints, content, mode=0o600)
