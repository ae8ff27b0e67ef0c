import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.eventlog.model import ENTRY_BYTES_MAX
from shared.events.intake import Fault
from shared.events.limits import (
    EVENT_BYTES_MAX,
    NESTING_MAX,
    TEXT_BYTES_MAX,
    TooDeep,
    pruned,
    text_errors,
)


def nested(depth: int) -> Any:
    value: Any = "leaf"
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


def depth_of(value: Any) -> int:
    members = value.values() if isinstance(value, dict) else value
    return 1 + max(map(depth_of, members), default=0) if isinstance(value, dict | list) else 0


def test_what_is_taken_in_can_be_an_entry() -> None:
    assert EVENT_BYTES_MAX == ENTRY_BYTES_MAX


def test_a_text_is_measured_in_bytes_of_utf8() -> None:
    fits, not_quite = "é" * (TEXT_BYTES_MAX // 2), "é" * (TEXT_BYTES_MAX // 2) + "x"

    assert list(text_errors({"a": fits}, "data")) == []
    [(fault, error)] = text_errors({"a": [not_quite]}, "data")
    assert (fault, error.field) == (Fault.TOO_LARGE, "data.a[0]")


def test_nesting_is_bounded() -> None:
    assert list(text_errors(nested(NESTING_MAX), "data")) == []
    with pytest.raises(TooDeep):
        list(text_errors(nested(NESTING_MAX + 1), "data"))


@given(st.integers(0, 80), st.sampled_from(["]", "}", "[", '"', "\\", "x"]))
def test_pruning_keeps_json_and_bounds_its_depth(depth: int, text: str) -> None:
    value = {"before": text, "deep": nested(depth), "after": [text]}

    left = json.loads(pruned(json.dumps(value).encode()))

    assert (left["before"], left["after"]) == (text, [text])
    assert depth_of(left) == min(depth_of(value), NESTING_MAX)


@given(st.binary(max_size=100) | st.from_regex(rb'["\\\[\]{}]{0,60}', fullmatch=True))
def test_pruning_never_fails(content: bytes) -> None:
    assert len(pruned(content)) <= len(content) + 4 * content.count(b"]") + 4 * content.count(b"}")
