"""A TCP proxy that now and then swallows an answer and cuts the connection."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

CHUNK_BYTES = 65_536


class CuttingProxy:
    """Stands before a server; ``chance`` is that of each answer to be lost with its connection."""

    def __init__(self, dsn: str, chance: float, dice: random.Random) -> None:
        self._target = urlsplit(dsn)
        self._chance = chance
        self._dice = dice
        self._server: asyncio.Server | None = None
        self.cut = 0

    async def start(self) -> str:
        """The DSN of the same database, through the proxy."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        login, _, _ = self._target.netloc.rpartition("@")
        return self._target._replace(netloc=f"{login}@127.0.0.1:{port}").geturl()

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server = await asyncio.open_connection(self._target.hostname, self._target.port)
        halves = {
            asyncio.create_task(self._pump(reader, server[1], 0.0)),
            asyncio.create_task(self._pump(server[0], writer, self._chance)),
        }
        await asyncio.wait(halves, return_when=asyncio.FIRST_COMPLETED)
        for each in (writer, server[1]):
            each.transport.abort()
        await asyncio.wait(halves)

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, chance: float
    ) -> None:
        try:
            while data := await source.read(CHUNK_BYTES):
                if self._dice.random() < chance:
                    self.cut += 1
                    return
                sink.write(data)
                await sink.drain()
        except ConnectionError:
            pass  # cut from the other side


@asynccontextmanager
async def cutting(dsn: str, chance: float, seed: int) -> AsyncIterator[tuple[str, CuttingProxy]]:
    """The DSN of a proxy before this one, and the proxy."""
    proxy = CuttingProxy(dsn, chance, random.Random(seed))
    try:
        yield await proxy.start(), proxy
    finally:
        await proxy.stop()
