"""The whole product as a process tree, with a proxy before each server that a service uses."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import httpx

from caselog.embedded.passwords import Passwords
from caselog.embedded.postgres import SUPERUSER
from caselog.endpoints import SERVICES, Endpoints, Service, load
from tests.chaos.proxy import LOOPBACK, Proxy
from tests.kit.stack import RunningUp, part_pid

Server = Literal["postgres", "nats"]
Part = Literal["postgres", "nats", "ops", "eng"]
SERVERS: Final[tuple[Server, ...]] = ("postgres", "nats")
ASK_SECONDS: Final = 5.0


@dataclass(slots=True)
class Product:
    """A running ``caselog up`` on ``data``, reached by its services through ``proxies``."""

    data: Path
    nats_port: int
    proxies: dict[tuple[Service, Server], Proxy] = field(default_factory=dict)
    up: RunningUp | None = None
    endpoints: Endpoints | None = None
    client: httpx.AsyncClient = field(
        default_factory=lambda: httpx.AsyncClient(timeout=httpx.Timeout(ASK_SECONDS))
    )

    async def start(
        self,
        free_port: Callable[[], int],
        *,
        variables: Mapping[str, Mapping[str, str]] | None = None,
        before: str = "",
    ) -> Endpoints:
        """Starts everything and returns when it is ready.

        ``variables`` are of the environment of a service, ``before`` is Python that runs in ``up``.
        """
        for service in SERVICES:
            for server in SERVERS:
                proxy = Proxy(self._postgres_port if server == "postgres" else self._nats_port)
                await proxy.start()
                self.proxies[service, server] = proxy
        ports = {
            server: {service: self.proxies[service, server].port for service in SERVICES}
            for server in SERVERS
        }
        routing = (
            "from tests.chaos.routing import through\n"
            f"through({ports['postgres']!r}, {ports['nats']!r}, {dict(variables or {})!r})\n"
        )
        options = (
            f"--ops-port={free_port()}",
            f"--eng-port={free_port()}",
            f"--nats-port={self.nats_port}",
        )
        self.up = await RunningUp.start_with(self.data, options, before=routing + before)
        await self.up.ready()
        self.endpoints = load(self.data)
        return self.endpoints

    async def stop(self) -> int:
        """Stops everything; the exit code of ``up``."""
        assert self.up is not None
        code = await self.up.stop()
        for proxy in self.proxies.values():
            await proxy.stop()
        await self.client.aclose()
        return code

    def _postgres_port(self) -> int:
        return int((self.data / "postgres" / "port").read_text())

    def _nats_port(self) -> int:
        return self.nats_port

    # --- its processes ------------------------------------------------------------------------

    def pid(self, part: Part) -> int:
        """0 while it is being started."""
        return part_pid(self.data, part)

    def kill(self, part: Part) -> bool:
        """SIGKILL; whether there was anybody."""
        return self.send(part, signal.SIGKILL)

    def send(self, part: Part, sent: signal.Signals) -> bool:
        pid = self.pid(part)
        with suppress(ProcessLookupError):
            if pid:
                os.kill(pid, sent)
                return True
        return False

    def family(self, part: Part) -> list[int]:
        """The part's process and all that come from it."""
        pid = self.pid(part)
        return [pid, *descendants(pid)] if pid else []

    def log(self, part: Part) -> str:
        """What the part has logged so far."""
        return (self.data / "logs" / f"{part}.log").read_text(errors="replace")

    @property
    def store(self) -> Path:
        """Where JetStream keeps its files."""
        return self.data / "nats" / "store"

    @property
    def superuser_dsn(self) -> str:
        """PostgreSQL itself, without a proxy."""
        password = Passwords(self.data / "postgres" / "passwords.json").of(SUPERUSER)
        return f"postgresql://{SUPERUSER}:{password}@{LOOPBACK}:{self._postgres_port()}/postgres"

    # --- how it is ----------------------------------------------------------------------------

    async def readiness(self, service: Service) -> tuple[int, str]:
        """The status of ``/readyz`` and what it says; 0 if nobody answers."""
        assert self.endpoints is not None
        try:
            answer = await self.client.get(f"{self.endpoints.url(service)}/readyz")
        except httpx.TransportError as error:
            return 0, repr(error)
        return answer.status_code, answer.text

    async def lag(self, service: Service) -> dict[str, object]:
        """What ``/lag`` says. Raises AssertionError while it says nothing."""
        assert self.endpoints is not None
        token = self.endpoints.tokens["operator"]
        try:
            answer = await self.client.get(
                f"{self.endpoints.url(service)}/lag", headers={"Authorization": f"Bearer {token}"}
            )
        except httpx.TransportError as error:
            raise AssertionError(f"{service}: {error!r}") from error
        assert answer.status_code == httpx.codes.OK, f"{service}: {answer.text}"
        found: dict[str, object] = answer.json()
        return found

    async def is_troubled(self, service: Service, reason: str) -> bool:
        """Whether ``/lag`` names this reason as a trouble."""
        return reason in str((await self.lag(service))["trouble"])

    async def metric(self, service: Service, name: str) -> float:
        """One gauge without labels."""
        assert self.endpoints is not None
        answer = await self.client.get(f"{self.endpoints.url(service)}/metrics")
        for line in answer.text.splitlines():
            if line.startswith(f"{name} "):
                return float(line.split()[1])
        raise AssertionError(f"{service} has no metric {name}")

    async def are_ready(self) -> bool:
        """Both say so."""
        for service in SERVICES:
            status, said = await self.readiness(service)
            assert status == httpx.codes.OK, f"{service}: {said}"
        return True

    async def published(self) -> dict[Service, int]:
        """The last sequence of each service."""
        return {each: int(str((await self.lag(each))["sequence"])) for each in SERVICES}

    async def hold(self, published: Mapping[Service, int]) -> bool:
        """Whether each holds what the other had published by then."""
        for author, receiver in (("ops", "eng"), ("eng", "ops")):
            held = await self.lag(receiver)  # type: ignore[arg-type]
            wanted = published[author]  # type: ignore[index]
            assert int(str(held["received"])) >= wanted, (receiver, wanted, held)
        return True

    async def is_whole(self) -> bool:
        """Both are ready, nothing more is published, and each holds all of the other."""
        return await self.are_ready() and await self.hold(await self.published())

    async def is_at_rest(self) -> bool:
        """Whole, with nothing on its way, nothing in trouble, and read models at the end."""
        await self.is_whole()
        for service in SERVICES:
            lag = await self.lag(service)
            models = lag["projections"]
            assert isinstance(models, dict)
            assert lag["lag_out"] == lag["lag_in"] == 0, (service, lag)
            assert not lag["trouble"], (service, lag)
            assert all(position == lag["position"] for position in models.values()), (service, lag)
        return True


def descendants(pid: int) -> list[int]:
    """Processes below this one."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found[1:]
