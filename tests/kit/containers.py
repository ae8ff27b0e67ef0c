"""The same servers in containers, for who wants the images that production runs."""

from __future__ import annotations

import asyncio
import json
from typing import Final

import asyncpg
import nats
from testcontainers.core.container import DockerContainer

from tests.kit.waiting import eventually

POSTGRES_IMAGE: Final = "postgres:18-alpine"
NATS_IMAGE: Final = "nats:2.15-alpine"
PASSWORD: Final = "of a test"
START_SECONDS: Final = 60.0


class Container:
    """A container with one fixed port on this machine, which stays the same when it restarts."""

    def __init__(self, container: DockerContainer, port: int) -> None:
        self.container = container
        self.port = port
        self._created = False

    @property
    def host(self) -> str:
        return self.container.get_container_host_ip()

    async def start(self) -> None:
        if self._created:
            await asyncio.to_thread(self.container.get_wrapped_container().start)
        else:
            await asyncio.to_thread(self.container.start)
            self._created = True
        await eventually(self.answers, START_SECONDS, describe="the container answers")

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
            await asyncio.to_thread(self.container.stop)
            self._created = False

    async def answers(self) -> bool:
        raise NotImplementedError


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
            await (await asyncpg.connect(self.admin_dsn)).close()
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
        try:
            connection = await nats.connect(self.url, allow_reconnect=False)
        except (OSError, nats.errors.Error):
            return False
        await connection.close()
        return True
