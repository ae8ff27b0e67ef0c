"""The same servers in containers, for who wants the images that production runs."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any, Final

import asyncpg
import msgspec
from testcontainers.core.container import DockerContainer

from tests.kit.waiting import eventually

POSTGRES_IMAGE: Final = "postgres:18-alpine"
NATS_IMAGE: Final = "nats:2.15-alpine"
PASSWORD: Final = "of a test"
START_SECONDS: Final = 60.0
ANSWER_SECONDS: Final = 5.0
"""Docker accepts connections to a published port before, and after, a server listens behind it."""
LOG_LINES: Final = 20


class Container:
    """A container with one fixed port on this machine, which stays the same when it restarts."""

    def __init__(self, container: DockerContainer, port: int) -> None:
        self.container = container
        self.port = port
        self.host = ""
        """Where the port is; asked for once, because Docker does not tell it of a stopped one."""
        self._created = False

    async def start(self) -> None:
        if self._created:
            await asyncio.to_thread(self.container.get_wrapped_container().start)
            await self._until_it_answers()
            return
        self._created = True
        try:
            await asyncio.to_thread(self.container.start)
            self.host = await asyncio.to_thread(self.container.get_container_host_ip)
            await self._until_it_answers()
        except BaseException:
            await self.discard()  # a fixture discards what it has started only
            raise

    async def stop(self) -> None:
        await asyncio.to_thread(self.container.get_wrapped_container().stop)

    async def kill(self) -> None:
        await asyncio.to_thread(self.container.get_wrapped_container().kill)

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def discard(self) -> None:
        """Away with it and all it stored."""
        if self._created:
            self._created = False
            await asyncio.to_thread(self.container.stop)

    async def answers(self) -> bool:
        raise NotImplementedError

    async def _until_it_answers(self) -> None:
        await eventually(self.answers, START_SECONDS, describe=self._last_words)

    def _last_words(self) -> str:
        log: bytes = self.container.get_wrapped_container().logs(tail=LOG_LINES)
        return f"{self.container.image} answers on {self.host}:{self.port}\n{log.decode()}"


class ContainerPostgres(Container):
    def __init__(self, port: int, *, durable: bool) -> None:
        sure = "on" if durable else "off"
        container = (
            DockerContainer(POSTGRES_IMAGE)
            .with_env("POSTGRES_PASSWORD", PASSWORD)
            .with_command(["postgres", "-c", f"fsync={sure}"])
            .with_bind_ports(5432, port)
        )
        super().__init__(container, port)

    @property
    def admin_dsn(self) -> str:
        secret = PASSWORD.replace(" ", "%20")
        return f"postgresql://postgres:{secret}@{self.host}:{self.port}/postgres"

    async def answers(self) -> bool:
        """Its first start ends in a restart, during which it listens to nobody over TCP."""
        try:
            connection = await asyncpg.connect(self.admin_dsn, timeout=ANSWER_SECONDS)
            await connection.close()
        except (OSError, asyncpg.PostgresError):
            return False
        return True


class ContainerNats(Container):
    def __init__(self, port: int, *, durable: bool) -> None:
        config = {
            "max_payload": 4 * 1024 * 1024,
            "jetstream": {"store_dir": "/data", "sync_interval": "always" if durable else "2m"},
        }
        container = (
            DockerContainer(NATS_IMAGE)
            .with_copy_into_container(json.dumps(config).encode(), "/etc/nats/caselog.conf")
            .with_command(["--config", "/etc/nats/caselog.conf"])
            .with_bind_ports(4222, port)
        )
        super().__init__(container, port)

    @property
    def url(self) -> str:
        return f"nats://{self.host}:{self.port}"

    async def wipe(self) -> None:
        await self.discard()
        await self.start()

    async def answers(self) -> bool:
        """Whether a client is greeted, by a server that has JetStream."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                greeting = await first_line(self.host, self.port)
            info: dict[str, Any] = msgspec.json.decode(greeting.removeprefix(b"INFO "))
        except (OSError, msgspec.DecodeError):
            return False
        return bool(info.get("jetstream"))


async def first_line(host: str, port: int) -> bytes:
    """What a server says to whoever connects; empty if it hangs up."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        return await reader.readline()
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
