"""The server itself: its address, its limits, and how it ends."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from shared.hosting import edge
from shared.hosting.http_server import HEAD_BYTES_MAX, AddressTaken, HttpServer
from shared.hosting.lifetime import Lifetime
from tests.integration.hosting.conftest import Running
from tests.kit.waiting import eventually


async def raw(service: Running, request: bytes) -> tuple[int, bytes]:
    """What is answered to bytes that no client would send."""
    host, port = service.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), body


async def test_a_port_that_is_taken_is_said_before_anything_starts(service: Running) -> None:
    port = int(service.url.rpartition(":")[2])

    with pytest.raises(AddressTaken, match=f"cannot serve on 127.0.0.1:{port}: Address"):
        HttpServer(None, "127.0.0.1", port, Lifetime())


async def test_what_is_no_http_gets_a_problem(service: Running) -> None:
    status, body = await raw(service, b"\x16\x03\x01 hello\r\n\r\n")

    assert status == 400
    assert json.loads(body)["type"] == "/problems/unreadable"


async def test_a_head_has_a_limit(service: Running) -> None:
    header = b"x-long: " + b"a" * HEAD_BYTES_MAX

    status, _ = await raw(service, b"GET /healthz HTTP/1.1\r\nhost: a\r\n" + header + b"\r\n\r\n")

    assert status == 400


async def test_a_body_that_does_not_come_is_given_up(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "BODY_SECONDS_MAX", 0.05)
    head = f"POST /boxes HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {service.token()}\r\n"
    rest = "content-type: application/json\r\ncontent-length: 20\r\nconnection: close\r\n\r\n{"

    status, body = await raw(service, (head + rest).encode())

    assert status == 408
    assert json.loads(body)["type"] == "/problems/slow"
    assert service.log.head.position == 0


async def test_requests_under_way_are_finished_before_it_ends(service: Running) -> None:
    async with service.client() as client:
        with service.boxes.held():
            under_way = asyncio.create_task(client.post("/boxes", json={"colour": "red"}))
            await eventually(lambda: service.boxes.executions == 1)
            stopping = asyncio.create_task(service.server.stop())
            await eventually(lambda: service.lifetime.ending)
        answer = await under_way
        await stopping

        assert answer.status_code == 201
        with pytest.raises(httpx.ConnectError):
            await client.get("/healthz")


async def test_it_ends_at_once_when_nothing_is_under_way(service: Running) -> None:
    async with service.client() as client:
        await client.get("/healthz")  # leaves an idle connection behind

        async with asyncio.timeout(5):
            await service.server.stop()


async def test_it_ends_though_somebody_listens_to_the_stream(service: Running) -> None:
    async with service.client() as client, client.stream("GET", "/stream") as response:
        lines = response.aiter_lines()
        await anext(lines)

        async with asyncio.timeout(5):
            await service.server.stop()
            async for _ in lines:
                pass
