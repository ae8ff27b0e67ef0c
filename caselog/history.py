"""A case's full history, as a table, JSON, Markdown or HTML."""

from __future__ import annotations

import html
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from caselog.client import ask, service_client
from caselog.endpoints import Endpoints

WIDE: Final = 140
"""Columns of the table where there is no terminal to ask."""
VALUE_CHARACTERS_MAX: Final = 90

Format = Literal["table", "json", "markdown", "html"]
Entry = Mapping[str, Any]

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
_OF_NO_INTEREST: Final = frozenset({"heard", "speaks_for", "from_status", "to_status"})
"""Members that the table leaves out: said in another column, or of use to programs only."""
_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>History of {key}</title><style>
body {{ font: 14px/1.4 system-ui, sans-serif; margin: 2rem }}
table {{ border-collapse: collapse }}
th, td {{ border: 1px solid #ccc; padding: .3rem .5rem; text-align: left; vertical-align: top }}
th {{ background: #f2f2f2 }}
</style></head><body><h1>History of {key}</h1><table><thead><tr>{head}</tr></thead>
<tbody>
{rows}
</tbody></table></body></html>"""


class History(msgspec.Struct, frozen=True):
    """The entries of one case, in the order of the log."""

    key: str
    entries: Sequence[Entry]


async def fetch(endpoints: Endpoints, key: str, as_of: str | None) -> History:
    """Asks the service that owns the key. Raises Unreachable, Answered."""
    service: Literal["ops", "eng"] = "ops" if key.upper().startswith("OPS-") else "eng"
    params = {} if as_of is None else {"as_of": as_of}
    async with service_client(endpoints, service, "auditor") as client:
        answer = await ask(client, "GET", f"/issues/{key}/history", params=params)
    return History(key=key, entries=answer["items"])


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
        "; ".join(f"{name}: {_value(value)}" for name, value in entry["data"].items()),
        entry.get("status_after") or "",
        _outcome(entry),
        entry["causation_id"],
    )


def _value(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _outcome(entry: Entry) -> str:
    rule = entry.get("rule")
    return f"{entry['outcome']} ({rule})" if rule else str(entry["outcome"])


def _markdown(history: History) -> str:
    def row(cells: Sequence[str]) -> str:
        return "| " + " | ".join(_markdown_cell(cell) for cell in cells) + " |"

    lines = [f"# History of {history.key}", "", row(_COLUMNS), "|" + "---|" * len(_COLUMNS)]
    return "\n".join([*lines, *(row(_cells(entry)) for entry in history.entries)])


def _markdown_cell(text: str) -> str:
    escaped = html.escape(text, quote=False).replace("\\", "\\\\").replace("|", "\\|")
    return escaped.replace("\r", "").replace("\n", "<br>")


def _html(history: History) -> str:
    def row(cells: Sequence[str], tag: str) -> str:
        return "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells)

    rows = "\n".join(f"<tr>{row(_cells(entry), 'td')}</tr>" for entry in history.entries)
    return _PAGE.format(key=html.escape(history.key), head=row(_COLUMNS, "th"), rows=rows)


def _table(history: History) -> str:
    table = Table(title=f"History of {history.key}", box=SIMPLE)
    table.add_column("#", no_wrap=True, justify="right")
    table.add_column("happened", no_wrap=True)
    table.add_column("what, by whom", max_width=30)
    table.add_column("status after", max_width=22)
    table.add_column("says", ratio=1)
    for entry in history.entries:
        table.add_row(
            str(entry["position"]),
            entry["occurred_at"][:19].replace("T", " "),
            Text(f"{entry['service']} {entry['type']}\n{entry['actor']}"),
            Text(_status(entry)),
            Text(_shortened(entry["data"])),
        )
    console = Console(width=None if sys.stdout.isatty() else WIDE)
    with console.capture() as capture:
        console.print(table)
    return capture.get().rstrip()


def _status(entry: Entry) -> str:
    outcome = _outcome(entry)
    status = entry["status_after"] or ""
    return status if outcome == "applied" else f"{status}\n{outcome}"


def _shortened(data: Mapping[str, Any]) -> str:
    """What an entry says, in a line or two; all of it is in the other formats."""
    shown = {name: value for name, value in data.items() if name not in _OF_NO_INTEREST}
    return "; ".join(f"{name}: {_clipped(_value(value))}" for name, value in shown.items() if value)


def _clipped(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= VALUE_CHARACTERS_MAX else f"{line[:VALUE_CHARACTERS_MAX]}…"
