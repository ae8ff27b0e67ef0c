"""CloudEvents attributes in message headers, as the HTTP and NATS bindings write them.

Both bindings prefix an attribute's name with ``ce-``, take names in any case, and percent-encode
what is not printable ASCII. A value in double quotes is of an older version of the bindings.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final
from urllib.parse import quote, unquote_to_bytes

Headers = Collection[tuple[str, str]]
"""Names and values as they came; bytes of the wire as the characters of their numbers (Latin-1)."""

PREFIX: Final = "ce-"

_NAME: Final = re.compile(r"[a-z0-9]+")
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
_SANE: Final = re.compile(r"(?:[ !-$&-~]|%[0-9A-Fa-f]{2})*")
_UNENCODED: Final = "!#$&'()*+,/:;<=>?@[\\]^`{|}"
"""What ``quote`` would encode although the bindings need not."""


class BadHeader(ValueError):
    """A header's value cannot be an attribute's; the message says what it must be."""


def encode_value(value: str) -> str:
    """An attribute's value as the value of a header."""
    return quote(value, safe=_UNENCODED)


def decode_value(value: str) -> str:
    """The attribute's value in the value of a header. Raises BadHeader."""
    value = value.strip(" \t")
    if value.startswith('"'):
        quoted = _QUOTED.fullmatch(value)
        if quoted is None:
            raise BadHeader("must end its double quote")
        value = re.sub(r"\\(.)", r"\1", quoted[1])
    if not _SANE.fullmatch(value):
        raise BadHeader("must be printable ASCII, with %XX for the bytes of anything else")
    try:
        return unquote_to_bytes(value).decode()
    except UnicodeDecodeError:
        raise BadHeader("must be UTF-8 where it is percent-encoded") from None


def attributes(headers: Headers) -> dict[str, list[str]]:
    """The raw values under each attribute's name; of header garbage, nothing."""
    found: dict[str, list[str]] = {}
    for header, value in headers:
        name = header.lower().removeprefix(PREFIX)
        if header.lower().startswith(PREFIX) and _NAME.fullmatch(name):
            found.setdefault(name, []).append(value)
    return found


def values(headers: Headers, name: str) -> list[str]:
    """The values of an ordinary header, whose name is given in lower case."""
    return [value for header, value in headers if header.lower() == name]
