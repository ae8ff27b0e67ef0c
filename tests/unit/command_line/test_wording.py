"""What is printed of other people's texts is one line, and nothing in it acts on a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caselog.wording import VALUE_CHARACTERS_MAX, one_line, printable, says

ANY_TEXT = st.text(st.characters(), max_size=200)


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("The app closes – “twice”", "The app closes – “twice”"),
        ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("gnp.\u202eexe", r"gnp.\u202eexe"),
        ("\ud800", r"\ud800"),
        ("👩\u200d🔧 नमस्\u200dते", "👩\u200d🔧 नमस्\u200dते"),
    ],
)
def test_what_would_act_on_a_terminal_is_shown_instead(text: str, printed: str) -> None:
    assert printable(text) == printed


@given(ANY_TEXT)
def test_any_text_is_one_printable_line(text: str) -> None:
    line = one_line(text)

    assert line.replace("\u200c", "").replace("\u200d", "").isprintable()
    assert len(line.splitlines()) <= 1


def test_a_body_is_said_with_its_long_values_clipped() -> None:
    data = {"team": "MOB", "comment": "x" * 100_000, "claimed": ["MOB", "CORE"], "issue": None}

    clipped = "x" * VALUE_CHARACTERS_MAX + "…"
    assert says(data) == f'team: MOB; comment: {clipped}; claimed: ["MOB","CORE"]'


@given(st.dictionaries(st.sampled_from(["team", "comment"]), ANY_TEXT))
def test_whatever_a_body_holds_it_is_said_in_a_bounded_line(data: dict[str, str]) -> None:
    line = says(data)

    assert len(line.splitlines()) <= 1
    assert len(line) <= 2 * (VALUE_CHARACTERS_MAX * 10 + 20)
