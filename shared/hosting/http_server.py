"""Uvicorn as a part of a service: on our socket, stopped by our lifetime, within our limits."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Generator
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.hosting.answers import encode
from shared.hosting.lifetime import Lifetime
from shared.hosting.problems import MEDIA_TYPE, Kind, problem

BACKLOG: Final = 512
DRAIN_SECONDS: Final = 15
"""How long requests may take to finish once the service ends; what is left is broken off."""
KEEP_ALIVE_SECONDS: Final = 75
"""Longer than clients keep idle connections, so that none is closed under a request."""
HEAD_BYTES_MAX: Final = 64 * 1024
"""The most that the request line and the headers of one request may take."""


class AddressTaken(Exception):
    """The address to serve on cannot be had; the message says which and why."""


class HttpServer:
    """Serves an ASGI application from ``start`` to ``stop``. Raises AddressTaken when made."""

    name = "http"

    def __init__(self, app: Any, host: str, port: int, lifetime: Lifetime) -> None:
        self._socket = _bind(host, port)
        self._host = host
        self._lifetime = lifetime
        self._server = _Server(
            uvicorn.Config(
                app,
                http=_Protocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                backlog=BACKLOG,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=DRAIN_SECONDS,
            )
        )
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where it serves, with the port that it was given if it asked for any (0)."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._socket.getsockname()[1]}"

    async def start(self) -> None:
        """Returns when connections are accepted."""
        self._task = asyncio.create_task(self._serve(), name="http-server")
        started = asyncio.create_task(self._server.accepting.wait())
        await asyncio.wait({self._task, started}, return_when=asyncio.FIRST_COMPLETED)
        started.cancel()
        if self._task.done():
            self._task.result()

    async def stop(self) -> None:
        """Stops accepting, and returns when the requests under way have been answered."""
        self._lifetime.end("the HTTP server stops")  # streams watch it
        self._server.end()
        if self._task is not None:
            await self._task

    async def _serve(self) -> None:
        await self._server.serve(sockets=[self._socket])
        self._lifetime.fail("the HTTP server ended by itself")


class _Server(uvicorn.Server):
    """Without signal handlers, which the lifetime has, and told to end instead of asking for it."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.accepting = asyncio.Event()
        self._ending = asyncio.Event()

    def end(self) -> None:
        self.should_exit = True
        self._ending.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.accepting.set()

    async def main_loop(self) -> None:
        while not await self.on_tick(0):  # tick 0 is the one that sets the Date header
            try:
                async with asyncio.timeout(1.0):
                    await self._ending.wait()
            except TimeoutError:
                continue


class _Protocol(HttpToolsProtocol):
    """With a limit on heads, which httptools lacks, and a problem for what is not HTTP at all."""

    _head_bytes = 0

    def on_message_begin(self) -> None:
        self._head_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > HEAD_BYTES_MAX:
            raise ValueError("the head is too large")  # the parser answers 400 for it

    def send_400_response(self, msg: str) -> None:
        body = encode(problem(Kind.UNREADABLE, "this is no HTTP request, or its head is too large"))
        head = (
            "HTTP/1.1 400 Bad Request\r\n"
            f"content-type: {MEDIA_TYPE}\r\n"
            f"content-length: {len(body)}\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


def _bind(host: str, port: int) -> socket.socket:
    """A socket that does not listen yet, so that a taken port is known before anything starts."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise AddressTaken(f"cannot serve on {host}:{port}: {error.strerror}") from error
    return bound
