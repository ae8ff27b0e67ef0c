"""A history in four formats: hostile texts stay texts in each of them."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from caselog.history import History, render

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "a | b |\n| c | d |",
    "[click](javascript:alert(1)) ![x](http://tracker)",
    "`code` *bold* __under__ ~~gone~~ $x$ \\| \\",
    "first\r\nsecond\rthird",
    "\x1b]0;owned\x07 \u202eevil",
    "&lt;b&gt; &amp;",
]


def entry(position: int, comment: str, **changes: Any) -> dict[str, Any]:
    return {
        "position": position,
        "service": "ops",
        "version": position,
        "id": "01a2",
        "type": "commented",
        "actor": "person:ann",
        "occurred_at": "2026-03-01T09:00:00.123456Z",
        "recorded_at": "2026-03-01T09:00:01Z",
        "causation_id": "why",
        "correlation_id": "all",
        "data": {"comment": comment, "mentions": []},
        "status_after": "New",
        "outcome": "applied",
        "rule": None,
    } | changes


HISTORY = History("OPS-1", [entry(n, text) for n, text in enumerate(HOSTILE, 1)])


class Reader(HTMLParser):
    """What a browser makes of a page: its tags, and the text of each cell."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.cells: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag == "td":
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data


def test_json_is_exactly_the_entries() -> None:
    assert json.loads(render(HISTORY, "json")) == list(HISTORY.entries)


def test_html_holds_every_text_and_no_tag_of_theirs() -> None:
    page = Reader()
    page.feed(render(HISTORY, "html"))

    rows = len(HOSTILE) + 1
    assert page.tags.count("tr") == rows
    assert set(page.tags) == {
        *("html", "head", "meta", "title", "style", "body", "h1", "table", "thead", "tr", "th"),
        *("tbody", "td"),
    }
    assert set(page.attributes) == {"lang", "charset", "http-equiv", "content"}
    said = [cell for cell in page.cells if cell.startswith("comment: ")]
    assert said[0] == f"comment: {HOSTILE[0]}; mentions: []"
    assert said[5] == "comment: first\nsecond\nthird; mentions: []"
    assert said[6] == r"comment: \x1b]0;owned\x07 \u202eevil; mentions: []"
    assert said[7] == f"comment: {HOSTILE[7]}; mentions: []"


def test_markdown_has_one_row_for_each_entry_and_nothing_active() -> None:
    head, empty, names, line, *rows = render(HISTORY, "markdown").split("\n")

    assert (head, empty) == ("# History of OPS-1", "")
    cells = [re.split(r"(?<!\\)(?:\\\\)*\|", row)[1:-1] for row in (names, line, *rows)]
    assert len(rows) == len(HOSTILE)
    assert {len(row) for row in cells} == {10}
    text = "\n".join(rows).replace("<br>", "")
    assert "<" not in text
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_\[\]~$]", text)
    assert "comment: first<br>second<br>third; " in rows[5]


@pytest.mark.parametrize("columns", [80, 100, 140])
def test_the_table_keeps_to_its_columns_and_loses_nothing_short(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    late = entry(9, "x", status_after="Issue is Closed", outcome="late", rule="issue-is-closed")

    table = render(History("OPS-1", [*HISTORY.entries, late]), "table")

    assert max(map(len, table.splitlines())) <= columns
    joined = re.sub(r"\s+", "", table)
    for shown in ("2026-03-01", "09:00:00", "person:ann", "opscommented", "alert(1)", "Closed"):
        assert shown in joined
    assert "late(issue-is-closed)" in joined
    assert "\x1b" not in table


def test_a_value_without_spaces_is_folded_and_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    table = render(History("OPS-1", [entry(1, "0123456789" * 8)]), "table")

    assert re.sub(r"\s+", "", table).count("0123456789" * 2) > 0
    assert "…" not in table
