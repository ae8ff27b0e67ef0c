"""Advisory file locks that say who holds them and that a child process can go on holding.

A lock belongs to the open file, not to a process (``flock``): a child that inherits the file keeps
the lock when its parent is killed, and it is free exactly when the last of them has gone. So a held
lock proves that somebody lives, which a process id in a file does not: ids are used again.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path


class FileLock:
    """An exclusive lock on ``path``, taken without waiting; the file stays when it is released."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds it."""
        return self._fd is not None

    @property
    def fd(self) -> int:
        """The open file, to hand to a child.

        Raises:
            RuntimeError: it is not held.
        """
        if self._fd is None:
            raise RuntimeError(f"{self._path} is not held")
        return self._fd

    def acquire(self) -> bool:
        """Take it and write this process into it; False when somebody else holds it."""
        if self._fd is not None:
            return True
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd
        write_holder(fd, os.getpid())
        return True

    def release(self) -> None:
        """Close the file; children that inherited it still hold the lock."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def holder(self) -> int | None:
        """The process that its holder wrote into it; None when it has not come to that yet."""
        with contextlib.suppress(FileNotFoundError, ValueError):
            return int(self._path.read_text())
        return None


def write_holder(fd: int, pid: int) -> None:
    """Say in the lock file who holds it. The launcher does the same for the child it becomes."""
    os.ftruncate(fd, 0)
    os.pwrite(fd, b"%d\n" % pid, 0)
