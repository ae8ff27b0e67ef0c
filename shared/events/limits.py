"""How large what comes in may be, and which texts can be kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from shared.events.decision import Invalid
from shared.events.intake import Fault

TEXT_BYTES_MAX: Final = 128 * 1024
"""The longest text, in UTF-8 bytes."""
EVENT_BYTES_MAX: Final = 256 * 1024
"""The largest event taken in: what a log takes as an entry, so that it can be published."""
NESTING_MAX: Final = 32
"""How deep objects and lists may stand within each other."""
NAME_CHARS_MAX: Final = 64
"""How much of a member's name is repeated in an error."""

_STRING_OR_BRACKET: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


class TooDeep(ValueError):
    """Objects and lists stand within each other more than ``NESTING_MAX`` deep."""


def text_errors(value: object, path: str) -> Iterator[tuple[Fault, Invalid]]:
    """The texts in decoded JSON, names of members included, that cannot be kept. Raises TooDeep."""
    for where, text in _texts(value, path, 0):
        if len(text) * 4 > TEXT_BYTES_MAX and len(text.encode()) > TEXT_BYTES_MAX:
            limit = f"must be at most {TEXT_BYTES_MAX // 1024} KiB of UTF-8"
            yield Fault.TOO_LARGE, Invalid(where, limit)
        if "\0" in text:  # PostgreSQL has no text with it, so no projection could show it
            yield Fault.INVALID, Invalid(where, "must not contain the character U+0000")


def _texts(value: object, path: str, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict | list):
        if depth == NESTING_MAX:
            raise TooDeep
        if isinstance(value, list):
            for index, item in enumerate(value):
                yield from _texts(item, f"{path}[{index}]", depth + 1)
        else:
            for name, item in value.items():
                member = f"{path}.{name[:NAME_CHARS_MAX]}"
                yield member, name
                yield from _texts(item, member, depth + 1)


def pruned(json: bytes) -> bytes:
    """The same JSON with null for all that is nested too deep for any reader.

    Without recursion, and without judging the rest: what is not JSON stays that.
    """
    kept: list[bytes] = []
    depth = end = cut = 0
    for match in _STRING_OR_BRACKET.finditer(json):
        if match[0] in b"[{":
            depth += 1
            if depth == NESTING_MAX + 1:
                cut = match.start()
        elif match[0] in b"]}":
            if depth == NESTING_MAX + 1:
                kept.append(json[end:cut])
                end = match.end()
            depth -= 1
    rest = json[end:cut] if depth > NESTING_MAX else json[end:]
    return b"null".join((*kept, rest))
