"""``caselog verify`` finds what an intruder did to a log or a read model, and says where and what.

The intruder is a superuser: they drop triggers and constraints, and store hashes that fit.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import asyncpg
import httpx
import msgspec
import pytest
from msgspec.structs import replace

from caselog.embedded import ports
from caselog.embedded.postgres import EmbeddedPostgres
from caselog.embedded.postgres_settings import PostgresOptions
from caselog.endpoints import SERVICES, Endpoints, Service
from caselog.verifying import pair, read_models
from caselog.verifying.run import Which, examine
from tests.e2e.damages import DAMAGES, NO_TRIGGERS, Damage, edited
from tests.kit.command import caselog
from tests.kit.stack import RunningUp
from tests.kit.waiting import eventually

NAMES = """
    SELECT position AS last, sequence AS published, opened, opened + 1 AS next
    FROM log.head, LATERAL (SELECT position AS opened FROM log.event
                            WHERE stream = 'OPS-1' AND version = 1)"""
"""Where things are in Operations' log. The entry behind the first ``opened`` is its own, too."""

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300)]


@dataclass(frozen=True)
class AtRest:
    """The databases of a stack that told the demo and was stopped; each damage is to a copy."""

    data: Path
    server: EmbeddedPostgres
    endpoints: Endpoints
    names: Mapping[str, int]
    numbers: count[int]

    async def damaged(self, service: Service, statements: Sequence[str]) -> Endpoints:
        """The pair with a copy of one database, after what a superuser did to it."""
        name = f"damaged_{next(self.numbers)}"
        admin = await asyncpg.connect(self.server.dsn())
        try:
            await admin.execute(f"CREATE DATABASE {name} TEMPLATE caselog_{service}")
        finally:
            await admin.close()
        intruder = await asyncpg.connect(self.server.dsn(name))
        try:
            for statement in statements:
                await intruder.execute(statement)
        finally:
            await intruder.close()
        dsn = self.server.dsn(name, f"caselog_{service}")
        return replace(self.endpoints, postgres={**self.endpoints.postgres, service: dsn})


@pytest.fixture(scope="session")
async def at_rest(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AtRest]:
    data = tmp_path_factory.mktemp("a stack at rest")
    up = await RunningUp.start(data, ports.free_port, "--demo")
    endpoints = await up.ready()
    await eventually(lambda: read_models_are_there(endpoints), describe="the read models")
    assert await up.stop() == 0
    server = EmbeddedPostgres(data / "postgres", PostgresOptions(durable=False))
    await server.start()
    try:
        own = {each: server.dsn(f"caselog_{each}", f"caselog_{each}") for each in SERVICES}
        ops = await asyncpg.connect(own["ops"])
        names = dict(await ops.fetchrow(NAMES) or {})
        await ops.close()
        yield AtRest(data, server, replace(endpoints, postgres=own), names, count(1))
    finally:
        await server.stop()
        shutil.rmtree(data, ignore_errors=True)


async def read_models_are_there(endpoints: Endpoints) -> bool:
    headers = {"Authorization": f"Bearer {endpoints.tokens['operator']}"}
    async with httpx.AsyncClient(headers=headers) as client:
        lags = [(await client.get(f"{url}/lag")).json() for url in (endpoints.ops, endpoints.eng)]
    return all(place == lag["position"] for lag in lags for place in lag["projections"].values())


@pytest.fixture(autouse=True)
def nothing_more_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody writes these databases: what is not there need not be waited for."""
    monkeypatch.setattr(read_models, "WAIT_ROUNDS", 1)
    monkeypatch.setattr(pair, "REST_SECONDS", 0.0)


async def found(endpoints: Endpoints, which: Which) -> str:
    """Every difference, one a line."""
    return "\n".join((await examine(endpoints, which)).differences)


async def test_a_sound_pair_holds(at_rest: AtRest) -> None:
    findings = await examine(at_rest.endpoints, "pair")

    assert findings.differences == []
    assert len(findings.checked) == 7


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
async def test_damage_is_found_and_told_by_place_and_kind(at_rest: AtRest, damage: Damage) -> None:
    endpoints = await at_rest.damaged(damage.to, damage.does)

    told = await found(endpoints, damage.by)

    wanted = [line.format_map(at_rest.names) for line in damage.told]
    assert [line for line in wanted if line not in told] == [], told


async def test_the_other_log_is_not_blamed(at_rest: AtRest) -> None:
    endpoints = await at_rest.damaged("eng", [NO_TRIGGERS, "DELETE FROM log.event"])

    assert await found(endpoints, "ops") == ""


async def test_the_command_prints_the_first_differences_and_ends_with_1(
    at_rest: AtRest, tmp_path: Path
) -> None:
    edit = edited("true", "specversion", "specvision", with_hash=False)
    endpoints = await at_rest.damaged("ops", [NO_TRIGGERS, edit])
    (tmp_path / "endpoints.json").write_bytes(msgspec.json.encode(endpoints))

    ops = await caselog("verify", "ops", data=tmp_path)

    assert ops.code == 1, ops
    *lines, more, verdict = ops.out.splitlines()
    assert len(lines) == 20
    assert lines[0] == "DIFFERS  ops: position 1: the leaf hash is not that of the entry"
    assert lines[1].startswith("DIFFERS  ops: position 1: the entry is not an event: ")
    assert re.fullmatch(r"         and \d+ more", more)
    assert re.fullmatch(r"ops does not hold, \d+\.\d s", verdict)
