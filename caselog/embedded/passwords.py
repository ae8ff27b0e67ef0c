"""Random passwords by name, in one file that only its owner may read."""

from __future__ import annotations

import secrets
from pathlib import Path

import msgspec

from shared.hosting.keys import write_whole


class Passwords:
    """Makes a password when it is first asked for, and keeps it before it tells it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, str] | None = None

    def of(self, role: str) -> str:
        known = self._load()
        if role not in known:
            known[role] = secrets.token_urlsafe(32)  # needs no quoting in a URL
            write_whole(self._path, msgspec.json.format(msgspec.json.encode(known)), mode=0o600)
        return known[role]

    def _load(self) -> dict[str, str]:
        if self._known is None:
            try:
                self._known = msgspec.json.decode(self._path.read_bytes(), type=dict[str, str])
            except FileNotFoundError:
                self._known = {}
        return self._known
