"""One of our services as a part of the stack: ``caselog serve`` in a process of its own."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

import caselog
from caselog.embedded.daemon_part import DaemonPart
from caselog.embedded.ports import LOOPBACK
from caselog.embedded.process import Daemon, Signals
from caselog.endpoints import Service

READY_SECONDS: Final = 600.0
"""A service is not ready before its projections have caught up, which may take a while."""
ASK_SECONDS: Final = 5.0
ASK_EVERY_SECONDS: Final = 0.05
FAILED_START_SECONDS: Final = 2.0
REASON_CHARACTERS_MAX: Final = 200


@dataclass(slots=True)
class ServiceProcess(DaemonPart):
    """Runs ``serve <service>`` with these settings and listens on this port of the loopback."""

    name: str
    service: Service
    port: int
    home: Path
    log: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    _daemon: Daemon = field(init=False)
    _reason: str = field(init=False, default="")

    def __post_init__(self) -> None:
        # SIGTERM drains; who does not want to wait for that wants an end.
        signals = Signals(stop=signal.SIGTERM, hurry=signal.SIGKILL)
        self._daemon = Daemon(self.name, self.home, self.log, signals)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{LOOPBACK}:{self.port}"

    async def start(self) -> None:
        """Start it, and return when ``/readyz`` says 200."""
        await self.claim()
        try:
            await self._daemon.spawn(
                [sys.executable, "-m", "caselog.main", "serve", self.service],
                env=environment(self.settings),
            )
            async with httpx.AsyncClient(timeout=ASK_SECONDS) as client:

                async def ready() -> bool:
                    self._reason = await refusal(client, f"{self.url}/readyz")
                    return not self._reason

                await self._daemon.until(ready, READY_SECONDS, ASK_EVERY_SECONDS)
        except BaseException:
            await self.stop(FAILED_START_SECONDS)
            raise

    async def waits_for(self) -> str:
        """What ``/readyz`` said last."""
        return self._reason or "its process"


async def refusal(client: httpx.AsyncClient, url: str) -> str:
    """Why this answers something else than 200; empty if it does not."""
    try:
        answer = await client.get(url)
    except httpx.TransportError as error:
        return f"{url}: {str(error) or type(error).__name__}"
    if answer.status_code == httpx.codes.OK:
        return ""
    return f"{url}: {answer.status_code} {answer.text[:REASON_CHARACTERS_MAX]}"


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The environment of this process, settings of the user's included, with ours over it.

    The child shall run the very code that runs here, also where caselog is not installed.
    """
    here = str(Path(caselog.__path__[0]).parent)
    path = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **settings}
