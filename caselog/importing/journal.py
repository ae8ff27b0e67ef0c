"""Which incidents of a file are done, so that an interrupted import goes on where it was.

Only a short cut: without it everything is published again and answered as a duplicate.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from types import TracebackType
from typing import Self


class Journal:
    """One line for each finished incident of one file, told apart by the file's SHA-256."""

    def __init__(self, directory: Path, source: Path) -> None:
        with source.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        directory.mkdir(parents=True, exist_ok=True)
        self._path = directory / f"{digest}.done"
        text = self._path.read_text() if self._path.exists() else ""
        *lines, cut = text.split("\n")
        self.finished = set(lines)
        if cut:  # by a crash: it may look like another number
            os.truncate(self._path, self._path.stat().st_size - len(cut.encode()))
        self._file = self._path.open("a")

    def finish(self, number: str) -> None:
        self.finished.add(number)
        self._file.write(f"{number}\n")
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
