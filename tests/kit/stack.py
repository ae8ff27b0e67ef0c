"""``caselog up`` as a process, for tests of the whole."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from caselog.endpoints import Endpoints, load

START_SECONDS: Final = 90.0
STOP_SECONDS: Final = 60.0
MAIN: Final = "from caselog.main import main; main()"


@dataclass(slots=True)
class RunningUp:
    """One ``caselog up`` on a directory, and what it has printed so far."""

    data: Path
    process: asyncio.subprocess.Process
    lines: list[str] = field(default_factory=list)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)
    _reading: asyncio.Task[None] | None = None

    @classmethod
    async def start(
        cls, data: Path, free_port: Callable[[], int], *options: str, before: str = ""
    ) -> RunningUp:
        """Start it on free ports. ``before`` is Python that runs in it first."""
        ports = (f"--{name}-port={free_port()}" for name in ("ops", "eng", "nats"))
        return await cls.start_with(data, (*ports, *options), before=before)

    @classmethod
    async def start_with(cls, data: Path, options: Sequence[str], *, before: str = "") -> RunningUp:
        """Start it with these options alone."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", f"{before}\n{MAIN}", "up", "--data", str(data), *options),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        self = cls(data, process)
        self._reading = asyncio.create_task(self._read())
        return self

    async def ready(self) -> Endpoints:
        """Wait for its ``ready`` line; where everything is then."""
        await self.says("ready")
        return load(self.data)

    async def says(self, beginning: str) -> str:
        """Wait for a line that begins like this, if it has not come yet.

        Raises:
            AssertionError: it ended, or said nothing of the kind in time; with what it said.
        """

        def heard() -> str | None:
            return next((line for line in self.lines if line.startswith(beginning)), None)

        def settled() -> bool:
            return heard() is not None or (self._reading is None or self._reading.done())

        with suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS), self._news:
                await self._news.wait_for(settled)
        line = heard()
        assert line is not None, f"no line {beginning!r} in:\n{self.output}"
        return line

    async def stop(self, sent: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop, and give its exit code."""
        self.send(sent)
        return await self.ended()

    async def kill(self) -> None:
        """SIGKILL: its children are on their own."""
        self.send(signal.SIGKILL)
        await self.ended()

    async def ended(self) -> int:
        """Wait until it ends by itself, and give its exit code."""
        async with asyncio.timeout(STOP_SECONDS):
            code = await self.process.wait()
            if self._reading is not None:
                await self._reading
        return code

    def send(self, sent: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            self.process.send_signal(sent)

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    async def _read(self) -> None:
        """Its children hold no end of this pipe, so it ends when the process does."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            async with self._news:
                self.lines.append(line.decode().rstrip("\n"))
                self._news.notify_all()
        async with self._news:
            self._reading = None
            self._news.notify_all()


def part_pid(data: Path, part: str) -> int:
    """The process id of ``postgres``, ``nats``, ``ops`` or ``eng``; 0 while it is being started."""
    return int((data / part / "process.lock").read_text() or 0)


def kill_part(data: Path, part: str) -> None:
    """End a part as a crash does."""
    os.kill(part_pid(data, part), signal.SIGKILL)
