"""Keeps the NATS client reading, whatever bytes another client published.

nats-py ends its read loop on an exception of any kind. The connection is then deaf, and as the same
message comes again, so is every later one: one message of garbage would stop all exchange for good.
Brokers let such messages through; they become dead letters like any other.
"""

from __future__ import annotations

import logging
from typing import Any

from nats.aio.client import Client

_logger = logging.getLogger(__name__)


def keep_reading(client: Client) -> None:
    """From now on unreadable headers count as none, and a subject's odd bytes are escaped."""
    parse = client._process_headers  # noqa: SLF001 - the client has no other place for it
    build = client._build_message  # noqa: SLF001 - see above

    async def headers(raw: bytes | None) -> dict[str, str] | None:
        try:
            return await parse(raw)
        except Exception as error:  # noqa: BLE001 - IndexError and UnicodeDecodeError are known
            _logger.warning("a message's headers cannot be read: %r", error)
            return None

    def message(sid: int, subject: bytes, *rest: Any) -> Any:
        return build(sid, subject.decode(errors="backslashreplace").encode(), *rest)

    client._process_headers = headers  # type: ignore[assignment,method-assign] # noqa: SLF001 - see above
    client._build_message = message  # type: ignore[assignment,method-assign] # noqa: SLF001 - see above
