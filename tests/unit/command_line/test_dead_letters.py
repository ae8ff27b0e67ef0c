"""The exact bytes of a dead letter, as people can read them."""

from __future__ import annotations

import pytest

from caselog.dead_letters import NoLetter, _as_text, _dump, _parsed


@pytest.mark.parametrize(
    "text", ['{"data": 1}', "two\nlines\r\nand three\tÜ – 漢", "  spaces are kept  "]
)
def test_a_printable_text_is_shown_as_it_is(text: str) -> None:
    assert _as_text(text.encode()) == text


@pytest.mark.parametrize(
    "body", [b"\xff{}", b"\x1b[2J", b"over\rwritten", b"nul\x00", b"\xe2\x80\xae"]
)
def test_what_would_not_be_seen_as_it_is_is_no_text(body: bytes) -> None:
    assert _as_text(body) is None


def test_a_dump_has_every_byte() -> None:
    body = bytes(range(256)) + b"tail"

    lines = list(_dump(body))

    assert b"".join(bytes.fromhex(line[10:57]) for line in lines) == body
    assert lines[4] == (
        "00000040  40 41 42 43 44 45 46 47 48 49 4a 4b 4c 4d 4e 4f  @ABCDEFGHIJKLMNO"
    )
    assert lines[-1].endswith("74 61 69 6c" + " " * 38 + "tail")


@pytest.mark.parametrize("letter", ["", "ops", "ops:", "ops:1", "ops:../lag", "xyz:" + "0" * 32])
def test_what_is_no_id_is_said(letter: str) -> None:
    with pytest.raises(NoLetter, match="is no id"):
        _parsed(letter)
