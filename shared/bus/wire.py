"""Many messages as one piece of the NATS protocol: half the client's cost of publishing each.

The client checks and assembles each message anew, and hands it to its flusher. Here a batch is
assembled by ourselves and handed over once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from nats import errors
from nats.aio.client import Client

from shared.bus.port import Message

_BREAKING: Final = re.compile(r"[\r\n]")


def frame(message: Message, more_headers: str = "") -> bytes:
    """A message without a reply subject as the server reads it (``HPUB``).

    ``more_headers`` are whole lines, each with its end. Raises ValueError for a line break where
    none may be: it would begin another command.
    """
    said = "".join([f"{name}: {value}" for name, value in message.headers.items()])
    if _BREAKING.search(said) or _BREAKING.search(message.subject) or " " in message.subject:
        raise ValueError("a line break in a header, or a space in a subject")
    lines = "".join([f"{name}: {value}\r\n" for name, value in message.headers.items()])
    headers = f"NATS/1.0\r\n{lines}{more_headers}\r\n".encode()
    size = len(headers)
    command = f"HPUB {message.subject} {size} {size + len(message.body)}\r\n"
    return b"".join((command.encode(), headers, message.body, b"\r\n"))


async def write(connection: Client, frames: Sequence[bytes]) -> None:
    """Sends frames, all of which or, if the connection is lost, the first of which arrive.

    Raises MaxPayloadError, ConnectionClosedError.
    """
    if connection.is_closed:
        raise errors.ConnectionClosedError
    largest = max(map(len, frames), default=0)
    if largest > connection.max_payload:
        raise errors.MaxPayloadError
    await connection._send_command(b"".join(frames))  # noqa: SLF001 - the client has no other way
    await connection._flush_pending()  # noqa: SLF001 - see above
