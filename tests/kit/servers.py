"""Servers as tests use them, whatever they run on: processes of our own, containers, or given ones.

``CASELOG_TEST_BACKEND`` is ``embedded`` (the default) or ``containers``; a server named by
``CASELOG_TEST_POSTGRES_DSN`` (a superuser's) or ``CASELOG_TEST_NATS_URL`` is used as it is.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import nats

from caselog.embedded.nats import EmbeddedNats, NatsOptions
from caselog.embedded.postgres import EmbeddedPostgres
from caselog.embedded.postgres_settings import PostgresOptions
from tests.kit.containers import ContainerNats, ContainerPostgres


class PostgresServer(Protocol):
    """A PostgreSQL server that a test may stop; its address stays the same."""

    @property
    def admin_dsn(self) -> str:
        """A superuser, in the database ``postgres``."""

    async def start(self) -> None: ...
    async def stop(self) -> None:
        """As an administrator stops it."""

    async def kill(self) -> None:
        """As a crash does."""

    async def restart(self) -> None: ...
    async def discard(self) -> None:
        """Stop it for good, and keep nothing."""


class NatsServer(Protocol):
    """A NATS server with JetStream that a test may stop; its address stays the same."""

    @property
    def url(self) -> str: ...

    async def start(self) -> None: ...
    async def stop(self) -> None:
        """As an administrator stops it."""

    async def kill(self) -> None:
        """As a crash does."""

    async def restart(self) -> None: ...
    async def wipe(self) -> None:
        """Kill it, lose everything JetStream stored, start it again."""

    async def discard(self) -> None:
        """Stop it for good, and keep nothing."""


S = TypeVar("S", EmbeddedPostgres, EmbeddedNats)


class OwnServer(Generic[S]):
    """An embedded server: whatever a test wants can be done to it."""

    def __init__(self, server: S) -> None:
        self.server: S = server

    async def start(self) -> None:
        await self.server.start()

    async def stop(self) -> None:
        await self.server.stop()

    async def kill(self) -> None:
        await self.server.kill()

    async def restart(self) -> None:
        await self.server.stop()
        await self.server.start()

    async def discard(self) -> None:
        await self.server.stop()
        shutil.rmtree(self.server.home)


class OwnPostgres(OwnServer[EmbeddedPostgres]):
    """An embedded server, small; ``durable`` as in production or without fsync."""

    def __init__(self, home: Path, *, durable: bool) -> None:
        options = PostgresOptions(durable=durable, shared_buffers="32MB", max_connections=60)
        super().__init__(EmbeddedPostgres(home, options))

    @property
    def admin_dsn(self) -> str:
        return self.server.dsn()


class OwnNats(OwnServer[EmbeddedNats]):
    """An embedded server; ``durable`` as in production or without fsync."""

    def __init__(self, home: Path, *, durable: bool) -> None:
        super().__init__(EmbeddedNats(home, NatsOptions(durable=durable)))

    @property
    def url(self) -> str:
        return self.server.url

    async def wipe(self) -> None:
        await self.server.kill()
        shutil.rmtree(self.server.store, ignore_errors=True)
        await self.server.start()


class GivenPostgres:
    """Somebody else's server: it can be used, not stopped."""

    def __init__(self, admin_dsn: str) -> None:
        self.admin_dsn = admin_dsn

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass

    async def kill(self) -> None:
        raise RuntimeError("a given server is not ours to kill")

    async def restart(self) -> None:
        raise RuntimeError("a given server is not ours to restart")

    async def discard(self) -> None:
        pass


class GivenNats:
    """Somebody else's server: every test finds it without streams. For one worker only (-n0)."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def start(self) -> None:
        await self.wipe()

    async def stop(self) -> None:
        pass

    async def kill(self) -> None:
        raise RuntimeError("a given server is not ours to kill")

    async def restart(self) -> None:
        raise RuntimeError("a given server is not ours to restart")

    async def discard(self) -> None:
        pass

    async def wipe(self) -> None:
        connection = await nats.connect(self.url)
        try:
            jetstream = connection.jetstream()
            for stream in await jetstream.streams_info():
                await jetstream.delete_stream(str(stream.config.name))
        finally:
            await connection.close()


def postgres_server(home: Path, port: Callable[[], int], *, durable: bool) -> PostgresServer:
    """A server of the chosen kind, not started."""
    given = os.environ.get("CASELOG_TEST_POSTGRES_DSN")
    if given:
        return GivenPostgres(given)
    if in_containers():
        return ContainerPostgres(port(), durable=durable)
    return OwnPostgres(home, durable=durable)


def nats_server(home: Path, port: Callable[[], int], *, durable: bool) -> NatsServer:
    """A server of the chosen kind, not started."""
    given = os.environ.get("CASELOG_TEST_NATS_URL")
    if given:
        return GivenNats(given)
    if in_containers():
        return ContainerNats(port(), durable=durable)
    return OwnNats(home, durable=durable)


def in_containers() -> bool:
    backend = os.environ.get("CASELOG_TEST_BACKEND", "embedded")
    if backend not in {"embedded", "containers"}:
        raise ValueError(f"CASELOG_TEST_BACKEND is embedded or containers, not {backend!r}")
    return backend == "containers"
