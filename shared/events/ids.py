"""Ids that follow from their cause, so that reacting twice to an event says the same thing once."""

from __future__ import annotations

from hashlib import sha256
from typing import Final
from uuid import UUID

_MILLISECONDS: Final = ((1 << 48) - 1) << 80
_VERSION_7: Final = 0x7 << 76
_VARIANT: Final = 0b10 << 62
_FREE_BITS: Final = ((1 << 12) - 1) << 64 | ((1 << 62) - 1)
"""The 74 bits of a UUIDv7 that are neither time nor version nor variant (RFC 9562, 5.7)."""


def derived_id(cause: UUID, name: str) -> UUID:
    """The id of the reaction ``name`` to ``cause``: always the same, and another for another name.

    It is a UUIDv7 with the first 48 bits of its cause (the milliseconds, if that is a UUIDv7 too),
    so that it sorts beside it. Its free bits are those that stand in the same places of the first
    16 bytes of SHA-256(cause's 16 bytes ‖ name in UTF-8).
    """
    digest = int.from_bytes(sha256(cause.bytes + name.encode()).digest()[:16], "big")
    return UUID(int=cause.int & _MILLISECONDS | _VERSION_7 | _VARIANT | digest & _FREE_BITS)
