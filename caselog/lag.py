"""How far everything is: log, relay, receiver and projections of each service, dead letters."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from caselog.client import ask, service_client
from caselog.endpoints import SERVICES, Endpoints


async def print_lag(endpoints: Endpoints) -> None:
    """One column for each service, one row for each figure. Raises Unreachable, Answered."""
    figures: dict[str, dict[str, object]] = {}
    for service in SERVICES:
        async with service_client(endpoints, service, "operator") as client:
            for name, value in _flat(await ask(client, "GET", "/lag")):
                figures.setdefault(name, {})[service] = value
    table = Table("", *SERVICES)
    for name, values in figures.items():
        table.add_row(name, *(str(values.get(service, "")) for service in SERVICES))
    Console().print(table, markup=False)


def _flat(value: object, prefix: str = "") -> list[tuple[str, object]]:
    if not isinstance(value, dict):
        return [(prefix, value)]
    return [
        pair
        for name, inner in value.items()
        for pair in _flat(inner, f"{prefix} {name}".strip().replace("_", " "))
    ]
