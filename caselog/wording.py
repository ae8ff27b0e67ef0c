"""What an event says, in words that are safe to print: for people at a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

VALUE_CHARACTERS_MAX: Final = 90
_JOINERS: Final = frozenset("\u200c\u200d")
"""Not printable by themselves, and part of how some scripts and emoji are written."""
_OF_NO_INTEREST: Final = frozenset({"heard", "speaks_for", "from_status", "to_status"})
"""Members that a line leaves out: said elsewhere in it, or of use to programs only."""


def printable(text: str) -> str:
    r"""The text with everything that would act on a terminal escaped: ``\x1b`` for an Escape."""
    if text.isprintable():
        return text
    return "".join(
        each
        if each.isprintable() or each in _JOINERS
        else each.encode("unicode_escape", "surrogatepass").decode()
        for each in text
    )


def one_line(text: str) -> str:
    """The text on one line, printable, however it was broken."""
    return printable(" ".join(text.split()))


def whole_value(value: object) -> str:
    """A member of a body as text: JSON, unless it is text."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def says(data: Mapping[str, Any]) -> str:
    """What an event's body says, in a line; long values are clipped."""
    shown = {name: value for name, value in data.items() if name not in _OF_NO_INTEREST}
    return "; ".join(f"{name}: {_clipped(value)}" for name, value in shown.items() if value)


def _clipped(value: object) -> str:
    line = one_line(whole_value(value)[: VALUE_CHARACTERS_MAX * 8])
    return line if len(line) <= VALUE_CHARACTERS_MAX else f"{line[:VALUE_CHARACTERS_MAX]}…"
