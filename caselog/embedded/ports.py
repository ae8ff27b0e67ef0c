"""Ports of the loopback interface."""

from __future__ import annotations

import random
import socket
from typing import Final

LOOPBACK: Final = "127.0.0.1"
UNREGISTERED: Final = range(20_000, 32_000)
"""Below where systems take ports for outgoing connections: one of those, in use for a moment, would
keep a server from coming back on its own port."""
TRIES: Final = 200


def free_port() -> int:
    """A port that nobody has now.

    Raises:
        RuntimeError: none was found.
    """
    for _ in range(TRIES):
        port = random.choice(UNREGISTERED)  # noqa: S311  not a secret
        if not is_taken(port):
            return port
    raise RuntimeError("no free port on the loopback interface")


def is_taken(port: int) -> bool:
    """Whether a server cannot have this port."""
    return unusable(port) is not None


def unusable(port: int) -> str | None:
    """Why a server cannot have this port, as the end of a sentence; None if it can."""
    with socket.socket() as probe:
        # As servers do: a connection that ended a moment ago is no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except PermissionError:
            return "is not for ordinary users"
        except OSError:
            return "is taken by another program"
    return None
