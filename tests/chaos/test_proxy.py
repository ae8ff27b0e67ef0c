"""The proxy does to connections what a network does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.chaos.proxy import LOOPBACK, Proxy


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1_000):
        writer.write(data)
    writer.close()


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    """Before a server that says everything back."""
    server = await asyncio.start_server(echo, LOOPBACK, 0)
    proxy = Proxy(lambda: int(server.sockets[0].getsockname()[1]))
    await proxy.start()
    yield proxy
    await proxy.stop()
    server.close()
    await server.wait_closed()


class Caller:
    """A connection through the proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    @classmethod
    async def call(cls, proxy: Proxy) -> Caller:
        return cls(*await asyncio.open_connection(LOOPBACK, proxy.port))

    async def says(self, word: bytes) -> bytes:
        """What comes back; nothing once the connection is gone."""
        try:
            self.writer.write(word)
            return await self._reader.read(1_000)
        except ConnectionError:
            return b""


async def test_what_is_said_passes_both_ways(proxy: Proxy) -> None:
    caller = await Caller.call(proxy)

    assert await caller.says(b"hello") == b"hello"
    caller.writer.close()


async def test_a_cut_ends_connections_and_new_ones_are_served(proxy: Proxy) -> None:
    caller = await Caller.call(proxy)
    await caller.says(b"hello")

    assert proxy.cut() == 1

    assert await caller.says(b"still there?") == b""
    again = await Caller.call(proxy)
    assert await again.says(b"hello") == b"hello"
    again.writer.close()


async def test_refusing_lets_nobody_in_until_it_is_healed(proxy: Proxy) -> None:
    proxy.refuse()
    assert await (await Caller.call(proxy)).says(b"hello") == b""

    proxy.heal()

    caller = await Caller.call(proxy)
    assert await caller.says(b"hello") == b"hello"
    caller.writer.close()


async def test_what_is_held_passes_in_the_end(proxy: Proxy) -> None:
    caller = await Caller.call(proxy)
    proxy.hold()
    answer = asyncio.create_task(caller.says(b"hello"))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await asyncio.shield(answer)

    proxy.heal()

    assert await answer == b"hello"
    caller.writer.close()


async def test_delay_is_added_each_way(proxy: Proxy) -> None:
    caller = await Caller.call(proxy)
    proxy.delay(0.05)
    loop = asyncio.get_running_loop()
    began = loop.time()

    assert await caller.says(b"hello") == b"hello"

    assert loop.time() - began >= 0.1
    caller.writer.close()
