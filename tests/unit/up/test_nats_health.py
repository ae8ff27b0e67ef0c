"""A NATS server that says that it cannot write is started anew, but not before there is room."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from caselog.embedded import nats_health
from tests.kit.waiting import eventually

COMPLAINT = "JetStream stream 'X' write error: no space left on device"


class Monitor:
    """What a server answers at ``/healthz``."""

    def __init__(self) -> None:
        self.error = ""
        self.asked = 0
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        body = json.dumps({"status": "unavailable", "error": self.error}).encode()
        head = f"HTTP/1.1 503 -\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()


@pytest.fixture
async def monitor(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Monitor]:
    monkeypatch.setattr(nats_health, "LOOK_SECONDS", 0.0)
    monitor = Monitor()
    server = await asyncio.start_server(monitor.answer, "127.0.0.1", 0)
    monitor.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield monitor
    server.close()
    await server.wait_closed()


async def test_it_waits_for_room_and_says_why_once(
    monitor: Monitor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    free = 0
    monkeypatch.setattr(nats_health, "room", lambda _: free)
    monitor.error = COMPLAINT
    stuck = asyncio.create_task(nats_health.until_stuck(monitor.url, tmp_path, said.append))
    await eventually(lambda: monitor.asked > 2)
    assert (stuck.done(), said) == (False, [f"NATS cannot write: {COMPLAINT}"])

    free = nats_health.ROOM_BYTES

    await stuck
    assert said[1:] == [f"NATS cannot write although there is room again: {COMPLAINT}"]


@pytest.mark.parametrize("error", ["", "JetStream is not current", "no consumers"])
async def test_other_complaints_pass_by_themselves(
    monitor: Monitor, tmp_path: Path, error: str
) -> None:
    monitor.error = error
    said: list[str] = []
    stuck = asyncio.create_task(nats_health.until_stuck(monitor.url, tmp_path, said.append))
    try:
        await eventually(lambda: monitor.asked > 2)
        assert (stuck.done(), said) == (False, [])
    finally:
        stuck.cancel()
        await asyncio.gather(stuck, return_exceptions=True)


async def test_a_server_that_does_not_answer_is_not_stuck(tmp_path: Path) -> None:
    async with httpx.AsyncClient() as client:
        assert await nats_health._complaint(client, "http://127.0.0.1:9") == ""


def test_nobody_can_tell_the_room_of_what_is_not_there(tmp_path: Path) -> None:
    assert nats_health.room(tmp_path) > 0
    assert nats_health.room(tmp_path / "gone") == 0
