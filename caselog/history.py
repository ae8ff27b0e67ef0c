"""A case's full history, as a table, JSON, Markdown or HTML."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec
from rich.console import Console
from rich.table import Table

from caselog.client import ask, service_client
from caselog.endpoints import Endpoints

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
        _outcome(entry.get("outcome")),
        entry["causation_id"],
    )


def _value(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _outcome(outcome: object) -> str:
    if isinstance(outcome, Mapping):
        rule = outcome.get("rule")
        return f"{outcome['outcome']} ({rule})" if rule else str(outcome["outcome"])
    return str(outcome or "")


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
    table = Table(title=f"History of {history.key}", show_lines=False)
    shown = ("#", "happened", "by", "who", "what", "says", "status after", "outcome")
    for column in shown:
        table.add_column(column, overflow="fold")
    for entry in history.entries:
        cells = dict(zip(_COLUMNS, _cells(entry), strict=True))
        table.add_row(*(_plain(cells[column]) for column in shown))
    console = Console()
    with console.capture() as capture:
        console.print(table, markup=False)
    return capture.get().rstrip()


def _plain(text: str) -> str:
    return text.replace("[", r"\[")
