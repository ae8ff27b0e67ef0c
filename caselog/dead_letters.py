"""The messages that could not be processed, of both services: ``ops:<id>`` and ``eng:<id>``."""

from __future__ import annotations

from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from caselog.client import Answered, ask, service_client
from caselog.endpoints import SERVICES, Endpoints, Service


async def print_list(endpoints: Endpoints) -> None:
    table = Table("id", "received", "subject or route", "state", "reason")
    for service in SERVICES:
        async with service_client(endpoints, service, "operator") as client:
            cursor: str | None = None
            while True:
                params = {"cursor": cursor} if cursor else {}
                page = await ask(client, "GET", "/dead-letters", params=params)
                for letter in page["items"]:
                    table.add_row(
                        f"{service}:{letter['id']}",
                        letter["received_at"],
                        letter["route"],
                        letter["state"],
                        letter["reason"],
                    )
                cursor = page.get("next_cursor")
                if cursor is None:
                    break
    if table.row_count:
        Console().print(table, markup=False)
    else:
        typer.echo("no dead letters")


async def print_one(endpoints: Endpoints, letter: str) -> None:
    """Everything known of one, its exact bytes included. Raises BadParameter."""
    shown = await _ask(endpoints, letter, "GET", "")
    for name, value in shown.items():
        typer.echo(f"{name}: {value}")


async def retry(endpoints: Endpoints, letter: str) -> bool:
    """Whether it was recorded this time."""
    receipt = await _ask(endpoints, letter, "POST", "/retry")
    typer.echo(f"{letter}: {receipt['outcome']} {receipt.get('key') or receipt.get('reason', '')}")
    return bool(receipt["outcome"] != "refused")


async def discard(endpoints: Endpoints, letter: str, reason: str) -> None:
    await _ask(endpoints, letter, "POST", "/discard", json={"reason": reason})
    typer.echo(f"{letter}: discarded")


async def _ask(endpoints: Endpoints, letter: str, method: str, path: str, **request: Any) -> Any:
    service, _, identity = letter.partition(":")
    if service not in SERVICES or not identity:
        raise typer.BadParameter("an id is ops:<id> or eng:<id>, as `deadletters list` prints it")
    named: Service = "ops" if service == "ops" else "eng"
    async with service_client(endpoints, named, "operator") as client:
        try:
            return await ask(client, method, f"/dead-letters/{identity}{path}", **request)
        except Answered as error:
            raise typer.BadParameter(f"{letter}: {error}") from error
