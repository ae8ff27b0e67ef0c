"""A TCP proxy between a service and a server: it cuts connections, delays what passes, or holds it.

What is held is not lost: it passes when the proxy is told to go on, unless the connection was cut
meanwhile. To a client a proxy that holds looks like a machine that is gone without a word.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

LOOPBACK: Final = "127.0.0.1"
CHUNK_BYTES: Final = 65_536


class Proxy:
    """Listens on a port of its own, and connects to ``target()`` for each that connects."""

    def __init__(self, target: Callable[[], int]) -> None:
        self._target = target
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self._delay = 0.0
        self._refuses = False
        self.port = 0
        self.cuts = 0
        """Connections that were cut."""

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        self.heal()
        if self._links:
            await asyncio.wait(self._links)
        await self._server.wait_closed()

    def cut(self) -> int:
        """Ends all connections at once, as a firewall that restarts does; how many there were."""
        for writer in self._writers:
            writer.transport.abort()
        links = len(self._writers) // 2
        self.cuts += links
        return links

    def refuse(self) -> None:
        """Cuts, and lets nobody in until ``heal``."""
        self._refuses = True
        self.cut()

    def delay(self, seconds: float) -> None:
        """Everything takes so much longer, each way."""
        self._delay = seconds

    def hold(self) -> None:
        """Nothing passes any more, and nobody is told."""
        self._flows.clear()

    def heal(self) -> None:
        """As if nothing had been."""
        self._delay = 0.0
        self._refuses = False
        self._flows.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = asyncio.current_task()
        assert link is not None
        self._links.add(link)
        self._writers.add(writer)
        try:
            await self._link(reader, writer)
        except OSError:
            pass  # the server is not there: the client shall see just that
        finally:
            self._writers.discard(writer)
            self._links.discard(link)
            writer.transport.abort()

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuses:
            return
        there, to_server = await asyncio.open_connection(LOOPBACK, self._target())
        self._writers.add(to_server)
        halves = {
            asyncio.create_task(self._pump(reader, to_server)),
            asyncio.create_task(self._pump(there, writer)),
        }
        try:
            await asyncio.wait(halves, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._writers.discard(to_server)
            for each in (writer, to_server):
                each.transport.abort()
            for half in halves:
                half.cancel()
            await asyncio.wait(halves)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(CHUNK_BYTES):
                if self._delay:
                    await _elapsed(self._delay)
                await self._flows.wait()
                sink.write(data)
                await sink.drain()
        except OSError:
            pass  # cut


async def _elapsed(seconds: float) -> None:
    """Returns when the loop's clock has gone on by so much: latency is what this proxy makes."""
    elapsed = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, elapsed.set)
    await elapsed.wait()
