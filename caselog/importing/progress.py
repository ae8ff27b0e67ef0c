"""How far an import is: a bar on a terminal, a plain line every few seconds elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic
from typing import Final

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

LINE_SECONDS: Final = 5.0

Update = Callable[[int, int], None]
"""Told how many incidents are done, and how many events were published."""


@contextmanager
def shown(total: int) -> Iterator[Update]:
    """Shows progress towards so many incidents, on standard error."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(total)
        return
    with Progress(
        TextColumn("importing"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("incidents, {task.fields[events]:,} events"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    ) as progress:
        task = progress.add_task("import", total=total, events=0)

        def update(done: int, events: int) -> None:
            progress.update(task, completed=done, events=events)

        yield update


def _lines(total: int) -> Update:
    started = last = monotonic()

    def update(done: int, events: int) -> None:
        nonlocal last
        now = monotonic()
        if now - last < LINE_SECONDS or not done:
            return
        last = now
        seconds = now - started
        left = timedelta(seconds=round(seconds / done * (total - done)))
        typer.echo(
            f"importing: {done:,} of {total:,} incidents, {events:,} events, "
            f"{events / seconds:,.0f} events/s, about {left} left",
            err=True,
        )

    return update
