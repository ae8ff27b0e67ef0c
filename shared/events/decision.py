"""How a decision ends.

The names of rules are public: refusals carry them over HTTP and in receipts.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Generic, TypeVar

from msgspec import Struct

E_co = TypeVar("E_co", covariant=True)


class Accepted(Struct, Generic[E_co], frozen=True):
    """The command holds; ``events`` is what happened, empty if all it asks was so already."""

    events: tuple[E_co, ...] = ()


class Refused(Struct, frozen=True):
    """A rule of the domain forbids it (409): which rule, and what the caller can do about it."""

    rule: StrEnum
    detail: str


class Invalid(Struct, frozen=True):
    """A field of the command is wrong (422): which, and what it must be."""

    field: str
    detail: str
