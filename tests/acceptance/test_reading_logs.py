"""Contract §2: heads once a second, and reading a log directly over the bus."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any
from uuid import UUID

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from tests.acceptance.world import Json, World

pytestmark = [pytest.mark.integration]

SERVICES = pytest.mark.parametrize("name", ["ops", "eng"])
HEAD = {"log", "epoch", "position", "sequence"}
HEADS_SECONDS = 10.0


async def read(bus: Client, name: str, request: Any) -> Json:
    answer = await ask(bus, name, json.dumps(request).encode())
    assert not answer.headers, answer.headers
    page: Json = json.loads(answer.data)
    return page


async def ask(bus: Client, name: str, request: bytes) -> Msg:
    return await bus.request(f"log.{name}.read", request, timeout=10)


async def test_heads_are_announced_once_a_second(world: World, bus: Client) -> None:
    await world.settled()

    found = await asyncio.gather(heads(bus, "ops"), heads(bus, "eng"))

    for service, heard in zip(world.services, found, strict=True):
        lag = await service.get("/lag")
        latest = heard[-1][1]
        assert latest.keys() >= HEAD
        assert str(UUID(latest["log"])) == latest["log"]
        assert (latest["position"], latest["sequence"]) == (lag["position"], lag["sequence"])
        between = [after - before for (before, _), (after, _) in itertools.pairwise(heard)]
        assert sum(between) / len(between) == pytest.approx(1.0, abs=0.5)


async def heads(bus: Client, name: str) -> list[tuple[float, Json]]:
    """Some announcements in a row, and when they came."""
    subscription = await bus.subscribe(f"{name}.head")
    heard = []
    for _ in range(4):
        message = await subscription.next_msg(timeout=HEADS_SECONDS)
        heard.append((asyncio.get_running_loop().time(), json.loads(message.data)))
    await subscription.unsubscribe()
    return heard


async def test_the_head_moves_with_the_log(world: World, bus: Client) -> None:
    case = await world.case()
    position = (await case.read())["position"]
    subscription = await bus.subscribe("ops.head")

    async with asyncio.timeout(HEADS_SECONDS):
        async for message in subscription.messages:
            if json.loads(message.data)["position"] >= position:
                break
    await subscription.unsubscribe()


@SERVICES
async def test_a_log_is_read_from_any_position_in_exact_bytes(
    world: World, bus: Client, name: str
) -> None:
    team = await world.team()
    await (await world.case(team)).claimed_by(team)
    service = world.ops if name == "ops" else world.eng
    lines = await service.log()

    entries: list[str] = []
    while True:
        page = await read(bus, name, {"after_position": len(entries), "limit": 1000})
        if not page["entries"]:
            break
        entries += page["entries"]

    assert [entry.encode() for entry in entries] == lines
    assert page["head"].keys() == HEAD
    assert page["head"]["position"] == len(lines)


@SERVICES
async def test_published_events_are_read_by_sequence(world: World, bus: Client, name: str) -> None:
    team = await world.team()
    await (await world.case(team)).claimed_by(team)
    last = (await read(bus, name, {"after_sequence": 0, "limit": 1}))["head"]["sequence"]

    page = await read(bus, name, {"after_sequence": last - 2, "limit": 10})

    found = [json.loads(entry) for entry in page["entries"]]
    assert [entry["sequence"] for entry in found] == [last - 1, last]
    assert {entry["source"] for entry in found} == {f"/caselog/{name}"}


@SERVICES
async def test_one_case_is_read_alone(world: World, bus: Client, name: str) -> None:
    team = await world.team()
    case, _other = await world.case(team), await world.case(team)
    await case.claimed_by(team)
    history = await case.history("ops" if name == "ops" else "eng")

    page = await read(bus, name, {"after_position": 0, "limit": 100, "case": case.key})
    rest = await read(
        bus,
        name,
        {"after_position": history[0]["position"], "limit": 1, "case": case.key},
    )

    assert [json.loads(e)["id"] for e in page["entries"]] == [each["id"] for each in history]
    assert [json.loads(e)["id"] for e in rest["entries"]] == [history[1]["id"]]


@SERVICES
async def test_behind_the_end_there_is_nothing_but_the_head(bus: Client, name: str) -> None:
    page = await read(bus, name, {"after_position": 2**53 - 1, "limit": 5})

    assert page["entries"] == []
    assert page["head"]["position"] > 0


@SERVICES
async def test_a_limit_is_kept_and_the_largest_page_fits_a_message(bus: Client, name: str) -> None:
    one = await read(bus, name, {"after_position": 0, "limit": 1})
    many = await read(bus, name, {"after_sequence": 0, "limit": 10**9})

    assert len(one["entries"]) == 1
    assert 0 < len(many["entries"]) <= 1000


async def test_a_page_of_large_entries_is_cut_and_loses_none(world: World, bus: Client) -> None:
    case = await world.case()
    before = (await case.read())["position"]
    for number in range(12):
        body = {"body": f"{number} " + "x" * 120_000, "visibility": "internal"}
        await case.tell("comment", body)

    sizes = []
    found: list[Json] = []
    while len(found) < 12:
        request = {"after_position": before + len(found), "limit": 100, "case": case.key}
        page = await read(bus, "ops", request)
        sizes.append(sum(map(len, page["entries"])))
        found += map(json.loads, page["entries"])

    assert [entry["data"]["comment"].split()[0] for entry in found] == list(map(str, range(12)))
    assert len(sizes) > 1
    assert max(sizes) < 1024 * 1024


@SERVICES
@pytest.mark.parametrize(
    "request_",
    [
        b"",
        b"not json",
        b"[]",
        b"null",
        b"{}",
        b"\xff\xfe",
        b'{"after_position": 0, "after_sequence": 0, "limit": 5}',
        b'{"after_position": -1, "limit": 5}',
        b'{"after_position": "0", "limit": 5}',
        b'{"after_position": 0, "limit": 0}',
        b'{"after_position": 0, "limit": 5, "unknown": 1}',
        b'{"after_position": 1e400, "limit": 5}',
        b'{"after_sequence": 0, "limit": 5, "case": "OPS-1"}',
        b'{"after_position": 99999999999999999999999999, "limit": 5}',
        b'{"after_position": 0, "limit": 5, "case": "OPS-\\u0000"}',
        b"[" * 10_000,
    ],
)
async def test_a_bad_request_is_refused_and_the_next_one_answered(
    world: World, bus: Client, name: str, request_: bytes
) -> None:
    await world.case()
    await world.settled()

    answer = await ask(bus, name, request_)

    if answer.headers:
        assert answer.headers["Nats-Service-Error-Code"] == "400"
        assert answer.headers["Nats-Service-Error"]
    else:
        assert json.loads(answer.data)["entries"] == []
    assert (await read(bus, name, {"after_position": 0, "limit": 1}))["entries"]


@SERVICES
async def test_the_readers_are_micro_services(bus: Client, name: str) -> None:
    subscription = await bus.subscribe(bus.new_inbox())
    await bus.publish("$SRV.INFO", reply=subscription.subject)

    found: dict[str, Json] = {}
    while f"log-{name}" not in found:
        info = json.loads((await subscription.next_msg(timeout=HEADS_SECONDS)).data)
        found[info["name"]] = info
    await subscription.unsubscribe()

    info = found[f"log-{name}"]
    assert info["type"] == "io.nats.micro.v1.info_response"
    assert [each["subject"] for each in info["endpoints"]] == [f"log.{name}.read"]
    ping = await bus.request(f"$SRV.PING.log-{name}", b"", timeout=5)
    assert json.loads(ping.data)["name"] == f"log-{name}"
