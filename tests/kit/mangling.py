"""Bytes and texts that are nearly right: most of what a decoder must refuse is not noise."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

ODDITIES = (b"", b"null", b"{}", b"[]", b"0", b"-1", b"1e999", b"\xff", b"\x00", b'"\\ud800"')
"""What has broken readers of JSON before: no value at all, surrogates, numbers without measure."""
REPEATED = ((b"9", 5_000), (b"[", 20_000), (b'{"a":', 20_000))
"""And more of something than anyone expects."""

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=10,
)


@st.composite
def _cut_and_pasted(draw: st.DrawFn, good: bytes) -> bytes:
    """``good`` with up to three pieces of it left out, replaced, doubled or moved."""
    for _ in range(draw(st.integers(1, 3))):
        begin, end = sorted((draw(st.integers(0, len(good))), draw(st.integers(0, len(good)))))
        piece = draw(st.sampled_from([b"", good[begin:end] * 2]) | st.binary(max_size=8))
        good = good[:begin] + piece + good[end:]
    return good


@st.composite
def _with_other_members(draw: st.DrawFn, good: bytes) -> bytes:
    """The JSON object ``good`` with other values under its names, or without some of them."""
    members: dict[str, Any] = json.loads(good)
    for name in draw(st.lists(st.sampled_from(sorted(members)), min_size=1, max_size=3)):
        members.pop(name, None)
        if draw(st.booleans()):
            members[name] = draw(json_values)
    return json.dumps(members).encode()


def mangled(good: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Noise, known oddities, and these: as they are, cut about, or, if JSON, with other values."""
    given = st.sampled_from(good)
    many = st.sampled_from(REPEATED).map(lambda each: each[0] * each[1])
    odd = st.sampled_from(ODDITIES) | many | st.binary(max_size=99)
    ways = [given, given.flatmap(_cut_and_pasted), odd]
    objects = [each for each in good if each.startswith(b"{")]
    if objects:
        ways.append(st.sampled_from(objects).flatmap(_with_other_members))
    return st.one_of(ways)


def mangled_text(good: Sequence[str]) -> st.SearchStrategy[str]:
    """The same for texts of headers and queries, where bytes of the wire come as Latin-1."""
    pieces = st.sampled_from([text.encode() for text in good]).flatmap(_cut_and_pasted)
    return st.one_of(
        st.sampled_from(good), pieces.map(lambda raw: raw.decode("latin-1")), st.text(max_size=60)
    )
