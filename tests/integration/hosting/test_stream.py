"""``/stream``: the log as it grows, resumed where it broke off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
import pytest

from shared.eventlog.model import Append
from shared.hosting import log_routes
from shared.hosting.tokens import TokenVerifier
from tests.integration.hosting.boxes import noted
from tests.integration.hosting.conftest import Running
from tests.kit.waiting import eventually

Event = tuple[int, str, bytes]


class Stream:
    """A reader of server-sent events."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._blocks = self._read()

    async def _read(self) -> AsyncIterator[list[str]]:
        block: list[str] = []
        async for line in self.response.aiter_lines():
            if line:
                block.append(line)
            else:
                yield block
                block = []

    async def block(self) -> list[str]:
        async with asyncio.timeout(10):
            return await anext(self._blocks)

    async def event(self) -> Event:
        """The next event, whatever comments come before it."""
        while True:
            fields = dict(line.split(": ", 1) for line in await self.block())
            if "data" in fields:
                return int(fields["id"]), fields["event"], fields["data"].encode()

    async def ended(self) -> bool:
        try:
            while True:
                await self.block()
        except StopAsyncIteration:
            return True


@asynccontextmanager
async def stream(client: httpx.AsyncClient, last: int | None = None) -> AsyncIterator[Stream]:
    headers = {} if last is None else {"Last-Event-ID": str(last)}
    async with client.stream("GET", "/stream", headers=headers) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        reader = Stream(response)
        await reader.block()  # it begins with how to come back
        yield reader


async def test_each_entry_comes_as_it_is_recorded(
    client: httpx.AsyncClient, service: Running
) -> None:
    await client.post("/boxes", json={"colour": "red"})
    async with stream(client) as reader:
        await client.post("/boxes/BOX-1/paint", json={"colour": "blue"})
        await client.post("/boxes/BOX-1/seal")

        events = [await reader.event() for _ in range(2)]

    rows = await service.store.read(1, 10)
    assert events == [(row.position, row.type, row.entry) for row in rows]
    assert [position for position, _, _ in events] == [2, 3]


async def test_a_reader_that_was_away_misses_nothing(
    client: httpx.AsyncClient, service: Running
) -> None:
    await client.post("/boxes", json={"colour": "red"})
    async with stream(client, last=0) as reader:
        last, _, _ = await reader.event()
    drafts = tuple(noted("BOX-1", str(n)) for n in range(300))
    await service.log.append(Append(drafts, {"BOX-1": 1}))

    async with stream(client, last=last) as reader:
        seen = [(await reader.event())[0] for _ in range(300)]

    assert seen == list(range(2, 302))


async def test_it_can_begin_anywhere(client: httpx.AsyncClient) -> None:
    for _ in range(3):
        await client.post("/boxes", json={"colour": "red"})

    async with client.stream("GET", "/stream?after=1") as response:
        reader = Stream(response)
        await reader.block()
        assert (await reader.event())[0] == 2


async def test_one_case_alone_is_followed_from_anywhere(
    client: httpx.AsyncClient, service: Running
) -> None:
    for _ in range(3):
        await client.post("/boxes", json={"colour": "red"})
    await client.post("/boxes/BOX-2/paint", json={"colour": "blue"})

    async with client.stream("GET", "/stream?case=BOX-2&after=2") as response:
        reader = Stream(response)
        await reader.block()
        assert (await reader.event())[0] == 4  # of what was there already
        await client.post("/boxes/BOX-3/seal")
        await client.post("/boxes/BOX-2/seal")
        assert (await reader.event())[0] == 6  # and of what comes


async def test_a_case_that_is_not_there_yet_can_be_followed(client: httpx.AsyncClient) -> None:
    async with client.stream("GET", "/stream?case=BOX-1&after=0") as response:
        reader = Stream(response)
        await reader.block()
        await client.post("/boxes", json={"colour": "red"})
        await client.post("/boxes", json={"colour": "red"})
        assert (await reader.event())[0] == 1


async def test_where_only_others_are_busy_it_is_heard_to_be_alive(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_routes, "HEARTBEAT_SECONDS", 0.0)
    async with client.stream("GET", "/stream?case=BOX-2") as response:
        reader = Stream(response)
        await reader.block()
        await client.post("/boxes", json={"colour": "red"})
        assert await reader.block() == [": still here"]


async def test_a_case_without_a_name_is_a_wrong_field(client: httpx.AsyncClient) -> None:
    wrong = await client.get("/stream?case=")

    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["field"] == "case"


async def test_a_silent_log_is_heard_to_be_alive(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_routes, "HEARTBEAT_SECONDS", 0.02)

    async with stream(client) as reader:
        assert await reader.block() == [": still here"]
        assert await reader.block() == [": still here"]


async def test_it_ends_when_the_service_does(service: Running) -> None:
    async with service.client() as client, stream(client) as reader:
        service.lifetime.end("a test")

        assert await reader.ended()


async def test_it_ends_with_the_token(service: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    principal = TokenVerifier(service.signing_key.with_name("jwks.json")).verify(service.token())
    almost = datetime.fromtimestamp(principal.expires - 0.1, UTC)
    monkeypatch.setattr(service.log_routes, "_clock", lambda: almost)

    async with service.client() as client, stream(client) as reader:
        assert await reader.ended()


async def test_a_reader_that_leaves_is_forgotten(service: Running) -> None:
    async with service.client() as client, stream(client):
        assert service.log_routes.open_streams == 1

    await eventually(lambda: service.log_routes.open_streams == 0)


async def test_there_are_not_more_than_can_be_served(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_routes, "STREAMS_MAX", 1)
    async with service.client() as client, stream(client):
        refused = await client.get("/stream")

        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "1"


@pytest.mark.parametrize("value", ["x", "-1", ""])
async def test_a_last_event_that_is_none_is_a_wrong_field(
    value: str, client: httpx.AsyncClient
) -> None:
    wrong = await client.get("/stream", headers={"Last-Event-ID": value})

    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["field"] == "Last-Event-ID"


async def test_it_is_not_for_reporters(service: Running) -> None:
    async with service.client("reporter") as client:
        assert (await client.get("/stream")).status_code == 403
