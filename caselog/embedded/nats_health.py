"""A NATS server that could not write a stream does not try again: it has to be started anew.

That is so after a full disk, however much room there is again (nats-server 2.15: a file of a stream
keeps its first write error for as long as it is open). The server says so itself, at ``/healthz``.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import httpx

LOOK_SECONDS: Final = 2.0
ASK_SECONDS: Final = 2.0
WRITE_ERROR: Final = "write error"
"""What the server's complaint has in it."""
ROOM_BYTES: Final = 32 * 1024 * 1024
"""With less room than this the next write would fail as well."""


async def until_stuck(monitor_url: str, store: Path, say: Callable[[str], None]) -> None:
    """Returns once a stream cannot be written although its disk has room (again)."""
    said = ""
    async with httpx.AsyncClient(timeout=ASK_SECONDS) as client:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            complaint = await _complaint(client, monitor_url)
            if complaint and room(store) >= ROOM_BYTES:
                say(f"NATS cannot write although there is room again: {complaint}")
                return
            if complaint and complaint != said:
                say(f"NATS cannot write: {complaint}")
            said = complaint


async def _complaint(client: httpx.AsyncClient, monitor_url: str) -> str:
    """What the server says of a stream that it cannot write; empty if nothing of the kind."""
    try:
        answer = await client.get(f"{monitor_url}/healthz")
        said = str(answer.json().get("error", ""))
    except (httpx.HTTPError, ValueError):
        return ""
    return said if WRITE_ERROR in said else ""


def room(path: Path) -> int:
    """Free bytes where this lies; none where nobody can tell."""
    try:
        found = os.statvfs(path)
    except OSError:
        return 0
    return found.f_bavail * found.f_frsize
