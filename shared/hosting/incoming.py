"""What is known of a request from its first byte on, and travels with it in the ASGI scope."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from uuid import UUID

from litestar.connection import ASGIConnection

CORRELATION_HEADER: Final = "X-Correlation-Id"
REQUEST_ID_HEADER: Final = "X-Request-Id"
SCOPE_KEY: Final = "caselog.incoming"

_CORRELATION: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


@cache
def _key(name: str) -> bytes:
    return name.lower().encode()


@dataclass(slots=True)
class Incoming:
    """One request: its own id, its headers (names in lower case), where its answer was read.

    ``position`` is set by whoever answers from a read model or appends; else it is the log's head.
    ``streams`` marks an answer that lasts, whose duration says nothing.
    """

    request_id: UUID
    headers: Mapping[bytes, bytes]
    position: int | None = None
    streams: bool = False

    def header(self, name: str) -> str | None:
        value = self.headers.get(_key(name))
        return None if value is None else value.decode("latin-1")

    @property
    def correlation(self) -> str:
        """What the caller relates this request to; without a word of theirs, the request itself."""
        said = self.header(CORRELATION_HEADER)
        return said if said and _CORRELATION.fullmatch(said) else str(self.request_id)

    @property
    def traceparent(self) -> str | None:
        said = self.header("traceparent")
        return said if said and _TRACEPARENT.fullmatch(said) else None


def incoming_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Incoming:
    found: Incoming = connection.scope[SCOPE_KEY]  # type: ignore[typeddict-item]
    return found
