"""Keeps the parts' log files from filling the disk."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

LOG_BYTES_MAX: Final = 32 * 1024 * 1024
CHECK_SECONDS: Final = 10.0


async def keep_capped(logs: Path, bytes_max: int = LOG_BYTES_MAX) -> None:
    """Look at all logs in a directory for ever, and cap those that are too large."""
    while True:
        await asyncio.to_thread(cap, sorted(logs.glob("*.log")), bytes_max)
        await asyncio.sleep(CHECK_SECONDS)


def cap(logs: Iterable[Path], bytes_max: int) -> None:
    """Move the content of a log that is too large to ``<log>.1``, in place of what was there.

    Its writer goes on with the same open file, in append mode; lines written in the moment
    between copying and truncating are lost.
    """
    for log in logs:
        with suppress(OSError):  # removed by hand, or no room for a copy: the next time, then
            if log.stat().st_size > bytes_max:
                shutil.copyfile(log, log.with_name(f"{log.name}.1"))
                with log.open("r+b") as file:
                    file.truncate(0)
