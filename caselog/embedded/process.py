"""One child process under its owner, and what is left of it when the owner was killed.

Two locks lie in its home directory. ``owner.lock`` belongs to the living owner, so that a second
one refuses. ``process.lock`` is inherited by the child: while it is held without an owner, the
child (or one of its children) has survived, and is ended before a new one starts.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from caselog.embedded import launch
from caselog.embedded.account import Account
from caselog.embedded.locks import FileLock

POLL_SECONDS: Final = 0.01
LEFTOVER_PATIENCE_SECONDS: Final = 10.0
"""How long a survivor may take to stop by itself, and then again to go when it is killed."""

LOG_TAIL_BYTES: Final = 2_000

DIES_WITH_OWNER: bool = True
"""Whether Linux is asked to stop a child when its owner dies. A convenience: survivors are dealt
with in any case, and tests switch it off to see that."""


class StartFailed(Exception):
    """A part did not come up; the text says which, why, and the last lines of its log."""


class AlreadyRunning(StartFailed):
    """Another living owner has this directory."""


@dataclass(frozen=True, slots=True)
class Signals:
    """How a program is told to stop: at once but cleanly, and when even that takes too long."""

    stop: signal.Signals = signal.SIGTERM
    hurry: signal.Signals = signal.SIGKILL


@dataclass(slots=True)
class Daemon:
    """A long-running program with a home directory and a log file.

    ``start`` order: ``claim``, ``spawn``, ``until``; after ``stop`` or death it may begin again.
    """

    name: str
    home: Path
    log: Path
    signals: Signals = field(default_factory=Signals)
    _owner: FileLock = field(init=False)
    _lock: FileLock = field(init=False)
    _process: asyncio.subprocess.Process | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._owner = FileLock(self.home / "owner.lock")
        self._lock = FileLock(self.home / "process.lock")

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def claim(self) -> None:
        """Become the owner and end what an earlier owner left running.

        Raises:
            AlreadyRunning: another owner is alive.
            StartFailed: a survivor cannot be ended.
        """
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._owner.acquire():
            raise AlreadyRunning(f"{self.name} in {self.home} belongs to a running process")
        try:
            for sent in (self.signals.stop, signal.SIGKILL):
                with suppress(TimeoutError):
                    async with asyncio.timeout(LEFTOVER_PATIENCE_SECONDS):
                        await self._end_survivor(sent)
                    return
        except BaseException:
            self._owner.release()
            raise
        self._owner.release()
        raise StartFailed(f"{self.name}: process {self._lock.holder()} does not end")

    async def _end_survivor(self, sent: signal.Signals) -> None:
        """Return when the process lock is ours. Who holds it may still be writing its id."""
        told: int | None = None
        while not self._lock.acquire():
            pid = self._lock.holder()
            if pid is not None and pid != told:
                told = pid
                with suppress(ProcessLookupError):  # its children are on their way out
                    os.kill(pid, sent)
            await asyncio.sleep(POLL_SECONDS)

    async def spawn(
        self, command: Sequence[str], *, env: Mapping[str, str], account: Account | None = None
    ) -> int:
        """Start the program as this or another user and give its process id."""
        spec = {
            "parent": os.getpid(),
            "death_signal": int(self.signals.stop) if DIES_WITH_OWNER else 0,
            "lock_fd": self._lock.fd,
            "uid": account and account.uid,
            "gid": account and account.gid,
            "keep_reach": account is not None and account.keep_reach,
        }
        launcher = [sys.executable, "-I", "-S", launch.__file__, msgspec.json.encode(spec).decode()]
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *launcher,
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=loader_environment() | dict(env),
                pass_fds=(self._lock.fd,),
                start_new_session=True,  # a Ctrl-C is for the owner, who stops things in order
            )
        self._lock.release()  # from here on it is the child's alone
        return self._process.pid

    async def until(
        self, ready: Callable[[], Awaitable[bool]], timeout: float, every: float = POLL_SECONDS
    ) -> None:
        """Return as soon as ``ready`` says so; asks it every so many seconds.

        Raises:
            StartFailed: the program ended, or was not ready in time (it is killed then).
        """
        try:
            async with asyncio.timeout(timeout):
                while not await ready():
                    if self.pid is None:
                        raise StartFailed(f"{self.name} ended at once.{self.log_tail()}")
                    await asyncio.sleep(every)
        except TimeoutError:
            await self.kill()
            raise StartFailed(
                f"{self.name} was not ready after {timeout:g} s.{self.log_tail()}"
            ) from None

    async def exited(self) -> int:
        """Wait until it ends and give its exit code (negative: the signal that killed it)."""
        assert self._process is not None, "it was never started"
        return await self._process.wait()

    async def stop(self, patience: float) -> None:
        """Ask it to stop, press it after ``patience`` seconds, kill it after as many again."""
        for sent in (self.signals.stop, self.signals.hurry, signal.SIGKILL):
            if self.pid is None:
                break
            self.send(sent)
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self.exited()
        if self._process is not None:
            await self._process.wait()

    async def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        if self.pid is not None:
            self.send(signal.SIGKILL)
            await self.exited()

    def hurry(self) -> None:
        """Press it; a ``stop`` under way returns the sooner."""
        self.send(self.signals.hurry)

    def send(self, sent: signal.Signals) -> None:
        """Send it a signal; nothing happens when it has ended."""
        if self.pid is not None and self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(sent)

    def release(self) -> None:
        """Stop being the owner."""
        self._lock.release()
        self._owner.release()

    def log_tail(self) -> str:
        """The end of its log, to be appended to a message."""
        text = self._end_of_log()
        return f" {self.log} ends with:\n{text}" if text else ""

    def last_words(self) -> str:
        """The last line of its log."""
        return self._end_of_log().rpartition("\n")[2] or f"nothing in {self.log} yet"

    def _end_of_log(self) -> str:
        try:
            with self.log.open("rb") as log:
                size = log.seek(0, os.SEEK_END)
                log.seek(max(0, size - LOG_TAIL_BYTES))
                return log.read().decode(errors="replace").strip()
        except OSError:
            return ""


def loader_environment() -> dict[str, str]:
    """What this Python, and so the launcher, may need to find its own shared library."""
    names = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
    return {name: os.environ[name] for name in names if name in os.environ}
