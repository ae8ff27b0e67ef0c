"""One whole stack for all acceptance tests of a worker.

``CASELOG_TEST_STACK`` names the data directory of a running stack, to be tested instead; it has to
run with ``CASELOG_UNSEEN_WAIT`` as below.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client

from caselog.embedded import ports
from caselog.endpoints import load
from caselog.stack import Layout
from tests.acceptance.publishing import Publisher
from tests.acceptance.world import World
from tests.kit.stack import MAIN, RunningUp

UNSEEN_WAIT = 4
"""Seconds; enough for what is on its way, and not too long for what never comes."""


@pytest.fixture(scope="session")
async def stack_data(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    """The data directory of the worker's stack."""
    given = os.environ.get("CASELOG_TEST_STACK")
    if given:
        yield Path(given)
        return
    directory = tmp_path_factory.mktemp("acceptance")
    setting = f"import os; os.environ['CASELOG_UNSEEN_WAIT'] = '{UNSEEN_WAIT}'"
    up = await RunningUp.start(directory, ports.free_port, before=setting)
    try:
        await up.ready()
        yield directory
        await prove(directory)
    finally:
        code = await up.stop()
    assert code == 0, up.output
    shutil.rmtree(directory, ignore_errors=True)


async def prove(directory: Path) -> None:
    """Whatever the tests have done to the stack: its logs hold, and tell of each other."""
    verify = (sys.executable, "-c", MAIN, "verify", "pair", "--data", str(directory))
    process = await asyncio.create_subprocess_exec(
        *verify, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


@pytest.fixture(scope="session")
async def world(stack_data: Path) -> AsyncIterator[World]:
    """The stack as an outsider meets it."""
    made = World(load(stack_data), Layout(stack_data).token_key, secrets.token_hex(2).upper())
    yield made
    await made.close()


@pytest.fixture(scope="session")
async def bus(world: World) -> AsyncIterator[Client]:
    """A connection to the stack's NATS server."""
    client = await nats.connect(world.endpoints.nats)
    yield client
    await client.close()


@pytest.fixture(scope="session")
def publisher(world: World, bus: Client) -> Publisher:
    """Another system, on the bus and over HTTP."""
    return Publisher(world, bus)
