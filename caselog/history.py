"""A case's full history, as a table, JSON, Markdown or HTML."""

from __future__ import annotations

import html
import os
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from caselog.client import Answered, ask, service_client
from caselog.endpoints import Endpoints, Service
from caselog.wording import one_line, printable, says, whole_value

WIDE: Final = 140
"""Columns of the table where there is no terminal to ask, and no COLUMNS."""
ROOMY: Final = 120
"""From so many columns on, each thing has a column of its own."""

Format = Literal["table", "json", "markdown", "html"]
Entry = Mapping[str, Any]

_KEY: Final = re.compile(r"[A-Z][A-Z0-9]{0,15}-[0-9]{1,18}")
_MARKDOWN_ACTIVE: Final = re.compile(r"([\\`*_\[\]|~$])")
_COLUMNS: Final = (
    "#",
    "happened",
    "recorded",
    "by",
    "who",
    "what",
    "says",
    "status after",
    "outcome",
    "why",
)
_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>History of {key}</title><style>
body {{ font: 14px/1.4 system-ui, sans-serif; margin: 2rem }}
table {{ border-collapse: collapse }}
th, td {{ border: 1px solid #ccc; padding: .3rem .5rem; text-align: left; vertical-align: top }}
th {{ background: #f2f2f2 }}
td {{ white-space: pre-wrap; overflow-wrap: anywhere }}
</style></head><body><h1>History of {key}</h1><table><thead><tr>{head}</tr></thead>
<tbody>
{rows}
</tbody></table></body></html>"""


class NoKey(Exception):
    """What was given is not the key of an issue."""


class History(msgspec.Struct, frozen=True):
    """The entries of one case, in the order of the log."""

    key: str
    entries: Sequence[Entry]


async def fetch(endpoints: Endpoints, key: str, as_of: str | None) -> History:
    """Asks the service that owns the key. Raises NoKey, Unreachable, Answered."""
    given, key = key, key.strip().upper()
    if _KEY.fullmatch(key) is None:
        raise NoKey(f"{printable(given)!r} is not a key such as OPS-17 or MOB-3")
    service: Service = "ops" if key.startswith("OPS-") else "eng"
    params = {} if as_of is None else {"as_of": as_of}
    entries: list[Entry] = []
    async with service_client(endpoints, service, "auditor") as client:
        while True:
            try:
                page = await ask(client, "GET", f"/issues/{key}/history", params=params)
            except Answered as error:
                if error.status != 404 or as_of is None:
                    raise
                raise Answered(404, f"{error} as of {as_of}") from error
            entries += page["items"]
            if page["next_cursor"] is None:
                return History(key=key, entries=entries)
            params["cursor"] = page["next_cursor"]


def render(history: History, form: Format) -> str:
    match form:
        case "json":
            return msgspec.json.format(msgspec.json.encode(list(history.entries))).decode()
        case "markdown":
            return _markdown(history)
        case "html":
            return _html(history)
        case "table":
            return _table(history)


def _cells(entry: Entry) -> tuple[str, ...]:
    return (
        str(entry["position"]),
        entry["occurred_at"],
        entry["recorded_at"],
        entry["service"],
        entry["actor"],
        entry["type"],
        "; ".join(f"{name}: {whole_value(value)}" for name, value in entry["data"].items()),
        entry["status_after"] or "",
        _outcome(entry),
        entry["causation_id"],
    )


def _outcome(entry: Entry) -> str:
    rule = entry.get("rule")
    return f"{entry['outcome']} ({rule})" if rule else str(entry["outcome"])


def _lines(text: str) -> list[str]:
    """The lines of a text as people wrote them, printable each."""
    return [printable(line) for line in re.split("\r\n|\r|\n", text)]


def _markdown(history: History) -> str:
    def row(cells: Sequence[str]) -> str:
        return "| " + " | ".join(_markdown_cell(cell) for cell in cells) + " |"

    lines = [f"# History of {history.key}", "", row(_COLUMNS), "|" + "---|" * len(_COLUMNS)]
    return "\n".join([*lines, *(row(_cells(entry)) for entry in history.entries)])


def _markdown_cell(text: str) -> str:
    """A text as the content of a cell: nothing in it is a link, a tag, an image or emphasis."""
    return "<br>".join(
        _MARKDOWN_ACTIVE.sub(r"\\\1", html.escape(line, quote=False)) for line in _lines(text)
    )


def _html(history: History) -> str:
    def row(cells: Sequence[str], tag: str) -> str:
        return "".join(f"<{tag}>{html.escape(chr(10).join(_lines(c)))}</{tag}>" for c in cells)

    rows = "\n".join(f"<tr>{row(_cells(entry), 'td')}</tr>" for entry in history.entries)
    return _PAGE.format(key=html.escape(history.key), head=row(_COLUMNS, "th"), rows=rows)


def _table(history: History) -> str:
    asked = sys.stdout.isatty() or "COLUMNS" in os.environ
    console = Console(width=None if asked else WIDE)
    table = _roomy(history) if console.width >= ROOMY else _narrow(history)
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().rstrip().splitlines())


def _roomy(history: History) -> Table:
    table = Table(title=f"History of {history.key}", box=SIMPLE)
    table.add_column("#", no_wrap=True, justify="right")
    table.add_column("happened", no_wrap=True)
    table.add_column("what, by whom", max_width=30)
    table.add_column("status after", max_width=22)
    table.add_column("says", ratio=1, overflow="fold")
    for entry in history.entries:
        table.add_row(
            str(entry["position"]),
            _moment(entry),
            Text(f"{_what(entry)}\n{one_line(entry['actor'])}"),
            Text("\n".join(filter(None, (entry["status_after"], _no_effect(entry))))),
            Text(says(entry["data"])),
        )
    return table


def _narrow(history: History) -> Table:
    table = Table(title=f"History of {history.key}", box=SIMPLE)
    table.add_column("#", no_wrap=True, justify="right")
    table.add_column("happened", width=10)
    table.add_column("what, by whom, status after", max_width=27)
    table.add_column("says", ratio=1, overflow="fold")
    for entry in history.entries:
        after = f"→ {entry['status_after']}" if entry["status_after"] else ""
        what = (_what(entry), one_line(entry["actor"]), after, _no_effect(entry))
        table.add_row(
            str(entry["position"]),
            _moment(entry),
            Text("\n".join(filter(None, what))),
            Text(says(entry["data"])),
        )
    return table


def _moment(entry: Entry) -> str:
    return str(entry["occurred_at"])[:19].replace("T", " ")


def _what(entry: Entry) -> str:
    return f"{entry['service']} {one_line(entry['type'])}"


def _no_effect(entry: Entry) -> str:
    outcome = _outcome(entry)
    return "" if outcome == "applied" else outcome
