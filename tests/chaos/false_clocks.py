"""A clock of a test's own for one process, by libfaketime, which stands between it and the system.

It is Debian's package ``libfaketime``. Only the time of day is another one; what passes is not.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

PLACES: Final = ("/usr/lib/*/faketime", "/usr/lib/faketime", "/usr/local/lib/faketime")
LIBRARY: Final = "libfaketimeMT.so.1"


class FalseClock:
    """The clock of whoever has ``variables``; ``file`` says how far it is off."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.is_off("+0")

    def is_off(self, by: str) -> None:
        """From now on so far: ``+1h``, ``-1h``, ``+0``."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{by}\n")
        new.rename(self._file)

    @property
    def variables(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(next(iter(libraries()))),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }


def libraries() -> Iterable[Path]:
    """Where the library is, if it is installed."""
    root = Path("/")
    return [found for place in PLACES for found in root.glob(f"{place[1:]}/{LIBRARY}")]


def can_fake_time() -> bool:
    return sys.platform == "linux" and bool(libraries())
