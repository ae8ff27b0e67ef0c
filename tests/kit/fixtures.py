"""The fixtures that give tests real servers. All start when first asked for, none before.

One PostgreSQL server serves all tests of a worker, each with databases of its own. NATS streams
have fixed names, so each test that needs NATS has its own server, which takes 50 ms.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest

from caselog.embedded import ports
from tests.kit.databases import Database, Databases, Prepare
from tests.kit.servers import NatsServer, PostgresServer
from tests.kit.servers import nats_server as choose_nats
from tests.kit.servers import postgres_server as choose_postgres
from tests.kit.stack import RunningUp


class MakeDatabase(Protocol):
    """``await database()`` or ``await database(migrate)``."""

    async def __call__(self, prepare: Prepare | None = None) -> Database: ...


@pytest.fixture
def free_port() -> Callable[[], int]:
    """A function that gives a port nobody uses, another one at each call."""
    given: set[int] = set()

    def unused() -> int:
        while (port := ports.free_port()) in given:
            pass
        given.add(port)
        return port

    return unused


@pytest.fixture
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory with a space in its name, removed afterwards: servers leave 40 MB each."""
    path = tmp_path_factory.mktemp("with space")
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
async def postgres(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[PostgresServer]:
    """The worker's PostgreSQL server, shared by its tests and not to be stopped by them."""
    home = tmp_path_factory.mktemp("postgres")
    server = choose_postgres(home, ports.free_port, durable=False)
    await server.start()
    yield server
    await server.discard()


@pytest.fixture(scope="session")
async def databases(postgres: PostgresServer, worker_id: str) -> AsyncIterator[Databases]:
    """The maker of databases on the worker's server."""
    maker = Databases(postgres.admin_dsn, prefix=worker_id)
    yield maker
    await maker.close()


@pytest.fixture
async def database(databases: Databases) -> AsyncIterator[MakeDatabase]:
    """Makes fresh databases, with the DSNs of owner, application and superuser."""
    made: list[Database] = []

    async def make(prepare: Prepare | None = None) -> Database:
        made.append(await databases.create(prepare))
        return made[-1]

    yield make
    for each in made:
        await databases.drop(each)


@pytest.fixture
async def postgres_server(
    request: pytest.FixtureRequest, directory: Path, free_port: Callable[[], int]
) -> AsyncIterator[PostgresServer]:
    """A PostgreSQL server of the test's own, to stop, kill and restart.

    ``@pytest.mark.parametrize("postgres_server", ["durable"], indirect=True)`` for one that syncs.
    """
    server = choose_postgres(directory / "postgres", free_port, durable=is_durable(request))
    await server.start()
    yield server
    await server.discard()


@pytest.fixture
async def nats_server(
    request: pytest.FixtureRequest, directory: Path, free_port: Callable[[], int]
) -> AsyncIterator[NatsServer]:
    """A NATS server with JetStream of the test's own, to stop, kill, restart and wipe.

    ``@pytest.mark.parametrize("nats_server", ["durable"], indirect=True)`` for one that syncs.
    """
    server = choose_nats(directory / "nats", free_port, durable=is_durable(request))
    await server.start()
    yield server
    await server.discard()


@pytest.fixture(scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningUp]:
    """The worker's running ``caselog up``, shared by its tests: ``await stack.ready()``."""
    data = tmp_path_factory.mktemp("whole stack")
    running = await RunningUp.start(data, ports.free_port)
    await running.ready()
    yield running
    assert await running.stop() == 0
    shutil.rmtree(data, ignore_errors=True)


def is_durable(request: pytest.FixtureRequest) -> bool:
    chosen: str | None = getattr(request, "param", None)
    assert chosen in {None, "durable"}
    return chosen is not None
