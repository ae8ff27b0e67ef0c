"""A part of the stack that is one daemon: what all of them do in the same way."""

from __future__ import annotations

from typing import Final

from caselog.embedded.process import Daemon

STOP_SECONDS: Final = 60.0


class DaemonPart:
    """Ends and watches its ``_daemon``; how it is started is the subclass's."""

    __slots__ = ()
    _daemon: Daemon

    @property
    def pid(self) -> int | None:
        """The process id while it runs; of PostgreSQL, the postmaster's."""
        return self._daemon.pid

    async def claim(self) -> None:
        """Become the owner of the directory and end what a killed owner left running.

        Raises:
            AlreadyRunning: another living process owns this directory.
        """
        await self._daemon.claim()

    async def waits_for(self) -> str:
        """Why it is not ready yet: what it says itself while it starts."""
        return self._daemon.last_words()

    async def exited(self) -> int:
        """Wait until it ends; the exit code."""
        return await self._daemon.exited()

    async def stop(self, patience: float = STOP_SECONDS) -> None:
        """Let it finish what it has begun, and end it; after ``patience`` seconds the hard way."""
        await self._daemon.stop(patience)
        self._daemon.release()

    async def kill(self) -> None:
        """Let it crash."""
        await self._daemon.kill()
        self._daemon.release()

    def hurry(self) -> None:
        """End it the hard way now. Nothing that it acknowledged is lost."""
        self._daemon.hurry()
