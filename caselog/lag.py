"""How far everything is: log, relay, receiver and projections of each service, dead letters."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from caselog.client import ask, service_client
from caselog.endpoints import SERVICES, Endpoints, Service, Unreachable
from caselog.wording import one_line


async def print_lag(endpoints: Endpoints) -> None:
    """One column for each service, one row for each figure.

    What can be asked is printed, and then Unreachable raised for what cannot. Raises Answered.
    """
    figures: dict[str, dict[Service, object]] = {}
    gone: list[Unreachable] = []
    for service in SERVICES:
        try:
            async with service_client(endpoints, service, "operator") as client:
                answer = await ask(client, "GET", "/lag")
        except Unreachable as error:
            gone.append(error)
            continue
        for name, value in _figures(answer):
            figures.setdefault(name, {})[service] = value
    if figures:
        _print(figures)
    if gone:
        raise gone[0]


def _print(figures: dict[str, dict[Service, object]]) -> None:
    table = Table("", *SERVICES)
    for name in sorted(figures, key=_place):
        values = (figures[name].get(service, "") for service in SERVICES)
        table.add_row(name, *(Text(_shown(value)) for value in values))
    Console().print(table)


def _figures(answer: dict[str, Any]) -> list[tuple[str, object]]:
    flat: list[tuple[str, object]] = []
    for name, value in answer.items():
        if isinstance(value, dict):
            flat += [(f"{name} {one_line(part)}", inner) for part, inner in value.items()]
        else:
            flat.append((name.replace("_", " "), value))
    return flat


def _place(name: str) -> int:
    """Projections of either service stand together, behind the figures that both have."""
    return ("projections" in name) + 2 * (name == "dead letters") + 3 * ("trouble" in name)


def _shown(value: object) -> str:
    return "not known" if value is None else one_line(str(value))
