"""Reading a log by request: pages, limits, clear refusals, and no stream needed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from nats.aio.client import Client

from shared.bus.log_reader import ANSWER_BYTES_MAX
from shared.eventlog.model import Append
from shared.events.envelope import Draft
from shared.events.intake import Service
from tests.kit.sides import Noted, Side, draft
from tests.kit.waiting import eventually

pytestmark = pytest.mark.integration


@pytest.fixture
async def serving(ops: Side) -> Side:
    await eventually(lambda: ops.exchange.status().leading)
    await ops.writable()
    return ops


async def read(client: Client, request: object, service: Service = "ops") -> dict[str, Any]:
    body = request if isinstance(request, bytes) else msgspec.json.encode(request)
    answer = await client.request(f"log.{service}.read", body, timeout=20)
    assert not (answer.headers or {}).get("Nats-Service-Error")
    found: dict[str, Any] = msgspec.json.decode(answer.data)
    return found


async def test_published_events_are_the_exact_bytes(serving: Side, outsider: Client) -> None:
    await serving.say(7)

    page = await read(outsider, {"after_sequence": 2, "limit": 3})

    entries = await serving.published()
    assert [text.encode() for text in page["entries"]] == entries[2:5]
    head = serving.log.head
    assert page["head"] == {
        "log": str(head.log),
        "epoch": 1,
        "position": head.position,
        "sequence": 7,
    }


async def test_nothing_follows_the_end(serving: Side, outsider: Client) -> None:
    await serving.say(2)
    assert (await read(outsider, {"after_sequence": 2}))["entries"] == []
    assert (await read(outsider, {"after_position": 99}))["entries"] == []


async def test_all_entries_by_position_or_those_of_one_case(
    serving: Side, outsider: Client
) -> None:
    private: Draft = msgspec.structs.replace(draft("ops", "OPS-9"), data=Noted(of="x"))
    await serving.log.append(Append((private,), {"OPS-9": 0}))
    await serving.say(4, streams=2)

    everything = await read(outsider, {"after_position": 0})
    case = await read(outsider, {"after_position": 2, "case": "OPS-1"})

    rows = await serving.store.read(0, 10)
    assert [text.encode() for text in everything["entries"]] == [row.entry for row in rows]
    assert [text.encode() for text in case["entries"]] == [rows[3].entry]


async def test_a_page_stays_below_the_largest_message(serving: Side, outsider: Client) -> None:
    large: list[Draft] = [
        msgspec.structs.replace(draft("ops", f"OPS-{n}"), data=Noted(of='"' * 60_000))
        for n in range(1, 20)
    ]
    for each in large:
        await serving.log.append(Append((each,), {each.subject: 0}))

    after, seen = 0, 0
    while page := (await read(outsider, {"after_position": after}))["entries"]:
        assert sum(len(msgspec.json.encode(text)) for text in page) <= ANSWER_BYTES_MAX
        after += len(page)
        seen += 1

    assert after == 19
    assert seen > 2


async def test_more_than_a_thousand_are_never_answered_at_once(
    serving: Side, outsider: Client
) -> None:
    await serving.say_at_once(1_200)
    page = await read(outsider, {"after_sequence": 0, "limit": 10**9})
    assert len(page["entries"]) <= 1_000


@pytest.mark.parametrize(
    "request_body",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"{}",
        b'{"after_sequence": "1"}',
        b'{"after_sequence": -1}',
        b'{"after_sequence": 0, "after_position": 0}',
        b'{"after_sequence": 0, "case": "OPS-1"}',
        b'{"after_sequence": 0, "limit": 0}',
        b'{"after_sequence": 0, "unknown": 1}',
        b'{"after_sequence": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    ],
)
async def test_a_bad_request_is_refused_with_the_reason(
    serving: Side, outsider: Client, request_body: bytes
) -> None:
    answer = await outsider.request("log.ops.read", request_body, timeout=20)

    assert answer.headers is not None
    assert answer.headers["Nats-Service-Error-Code"] == "400"
    assert answer.headers["Nats-Service-Error"]
    assert msgspec.json.decode(answer.data)["error"]["code"] == 400
    assert await read(outsider, {"after_sequence": 0})


async def test_it_is_discoverable(serving: Side, outsider: Client) -> None:
    answer = await outsider.request("$SRV.INFO.log-ops", b"", timeout=20)

    info = msgspec.json.decode(answer.data)
    assert info["name"] == "log-ops"
    assert [endpoint["subject"] for endpoint in info["endpoints"]] == ["log.ops.read"]


async def test_it_answers_when_the_streams_are_gone(serving: Side, outsider: Client) -> None:
    await serving.say(2)
    jetstream = outsider.jetstream()
    for stream in await jetstream.streams_info():
        await jetstream.delete_stream(str(stream.config.name))

    assert len((await read(outsider, {"after_sequence": 0}))["entries"]) == 2
