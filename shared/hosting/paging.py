"""Pages of a list, by keyset: each says where the next begins, in a cursor that only we read."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Generic, TypeVar

import msgspec
from litestar.params import QueryParameter

from shared.hosting.problems import ProblemRaised, wrong_field

LIMIT_DEFAULT: Final = 100
LIMIT_MAX: Final = 1000
CURSOR_CHARACTERS_MAX: Final = 1024
PARAMETER: Final = "cursor"
_CHECK_BYTES: Final = 8

Limit = Annotated[
    int, QueryParameter(ge=1, le=LIMIT_MAX, required=False, description="The most items of a page.")
]
"""How a handler declares ``limit``; its default is ``LIMIT_DEFAULT``."""
CursorText = Annotated[
    str | None,
    QueryParameter(name=PARAMETER, required=False, description="next_cursor of the page before."),
]
"""How a handler declares ``cursor``."""

T = TypeVar("T")
K = TypeVar("K")


class Page(msgspec.Struct, Generic[T], frozen=True):
    """One page; ``next_cursor`` is null on the last."""

    items: Sequence[T]
    next_cursor: str | None


class Cursors(Generic[K]):
    """Writes and reads the cursors of one list, whose order is by a key of type ``keyset``.

    A cursor is bound to the list's name and filters: with others it is refused. It is checked, not
    secret: it holds nothing but the key of an item that its reader has seen.
    """

    def __init__(self, name: str, keyset: type[K] | Any) -> None:
        self._name = name
        self._decoder: msgspec.json.Decoder[K] = msgspec.json.Decoder(keyset)

    def write(self, key: K, filters: Mapping[str, Any]) -> str:
        """The cursor of the page that follows the item of this key."""
        text = msgspec.json.encode(key)
        return urlsafe_b64encode(self._check(text, filters) + text).rstrip(b"=").decode()

    def read(self, cursor: str | None, filters: Mapping[str, Any]) -> K | None:
        """The key that the page begins after; None for the first. Raises ProblemRaised (422)."""
        if cursor is None:
            return None
        try:
            if len(cursor) > CURSOR_CHARACTERS_MAX:
                raise ValueError("too long")
            raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            check, text = raw[:_CHECK_BYTES], raw[_CHECK_BYTES:]
            if check != self._check(text, filters):
                raise ValueError("of another list")
            return self._decoder.decode(text)
        except (ValueError, msgspec.DecodeError) as error:
            detail = "must be the next_cursor of a page of this list, with the same filters"
            raise ProblemRaised(wrong_field(PARAMETER, detail)) from error

    def page(
        self, rows: Sequence[T], keys: Sequence[K], limit: int, filters: Mapping[str, Any]
    ) -> Page[T]:
        """The page of up to ``limit`` of ``rows``: ask for one more, to know if there is a next.

        ``keys[i]`` is the key of ``rows[i]``.
        """
        if len(rows) <= limit:
            return Page(rows, None)
        return Page(rows[:limit], self.write(keys[limit - 1], filters))

    def _check(self, text: bytes, filters: Mapping[str, Any]) -> bytes:
        given = {name: value for name, value in filters.items() if value is not None}
        bound = msgspec.json.encode([self._name, given], order="deterministic")
        return hashlib.blake2b(text, digest_size=_CHECK_BYTES, key=_digest(bound)).digest()


def _digest(bound: bytes) -> bytes:
    return hashlib.blake2b(bound, digest_size=32).digest()
