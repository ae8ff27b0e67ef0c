"""The ``caselog`` command as people run it: to its end, or for as long as a test needs it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

MAIN: Final = ("-c", "from caselog.main import main; main()")
SECONDS_MAX: Final = 90.0
LINE_BYTES_MAX: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that ended, and what it printed."""

    code: int
    out: str
    err: str


@dataclass(slots=True)
class RunningCommand:
    """A command that runs, and the lines that it has printed so far."""

    process: asyncio.subprocess.Process
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)
    _reading: list[asyncio.Task[None]] = field(default_factory=list)

    @classmethod
    async def start(
        cls, *arguments: str, data: Path | None, columns: int, variables: dict[str, str]
    ) -> RunningCommand:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("CASELOG_")
        }
        if data is not None:
            environment["CASELOG_DATA"] = str(data)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *MAIN, *arguments),
            env=environment | {"COLUMNS": str(columns)} | variables,
            stdout=PIPE,
            stderr=PIPE,
            limit=LINE_BYTES_MAX,
        )
        self = cls(process)
        for stream, lines in ((process.stdout, self.out), (process.stderr, self.err)):
            assert stream is not None
            self._reading.append(asyncio.create_task(_read(stream, lines)))
        return self

    async def ends(self, sent: signal.Signals | None = None) -> Ran:
        """Send it a signal, if any, and wait until it ends."""
        if sent is not None:
            with suppress(ProcessLookupError):
                self.process.send_signal(sent)
        async with asyncio.timeout(SECONDS_MAX):
            code = await self.process.wait()
            await asyncio.gather(*self._reading)
        return Ran(code, "\n".join(self.out), "\n".join(self.err))


async def caselog(
    *arguments: str, data: Path | None = None, columns: int = 80, **variables: str
) -> Ran:
    """Run the command to its end; ``variables`` are of its environment."""
    async with running(*arguments, data=data, columns=columns, **variables) as command:
        return await command.ends()


@asynccontextmanager
async def running(
    *arguments: str, data: Path | None = None, columns: int = 80, **variables: str
) -> AsyncIterator[RunningCommand]:
    """Run the command, and kill it in the end if it runs still."""
    command = await RunningCommand.start(
        *arguments, data=data, columns=columns, variables=variables
    )
    try:
        yield command
    finally:
        await command.ends(signal.SIGKILL)


async def _read(stream: asyncio.StreamReader, lines: list[str]) -> None:
    while line := await stream.readline():
        lines.append(line.decode().rstrip("\n"))
