"""Small filesystems of a test's own, which can be filled without harm to anybody."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

LEFT_BYTES: Final = 4_096


class SmallDisk:
    """A filesystem in memory, mounted on ``path``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def free(self) -> int:
        """Bytes that are left."""
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize

    def fill(self, left: int = 0) -> None:
        """Leaves so many bytes to others."""
        wanted = self.free() - left
        if wanted > 0:
            with self._ballast.open("ab") as file:
                os.posix_fallocate(file.fileno(), file.tell(), wanted)

    def empty(self) -> None:
        """Somebody made room."""
        self._ballast.unlink(missing_ok=True)


@contextmanager
def small_disk(path: Path, mebibytes: int) -> Iterator[SmallDisk]:
    """Mounts one; raises CalledProcessError where that is not permitted."""
    path.mkdir(parents=True, exist_ok=True)
    size = f"size={mebibytes}m"
    mount = ("mount", "-t", "tmpfs", "-o", size, "tmpfs", str(path))
    subprocess.run(mount, check=True, capture_output=True)
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(("umount", "--lazy", str(path)), check=True, capture_output=True)


@cache
def can_mount() -> bool:
    """Whether this process may mount: root of a machine may, root of most containers may not."""
    with tempfile.TemporaryDirectory() as directory:
        try:
            with small_disk(Path(directory), 1):
                return True
        except (OSError, subprocess.CalledProcessError):
            return False
