"""What an import says at its end."""

from __future__ import annotations

from typing import Final

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from caselog.importing.report import Report
from caselog.wording import one_line

UNCLOSED_MAX: Final = 10


def print_report(report: Report) -> None:
    """Incidents, events by outcome and kind, what was skipped and refused and why, the proof."""
    console = Console()
    summary = Table("", Column(justify="right"), title="Imported", show_header=False)
    summary.add_row("incidents", f"{report.incidents:,}")
    summary.add_row("finished by an earlier run", f"{report.before:,}")
    summary.add_row("rows", f"{report.rows:,}")
    summary.add_row("seconds", f"{report.seconds:,.1f}")
    for outcome, count in sorted(report.outcomes.items()):
        summary.add_row(f"events {outcome}", f"{count:,}")
    if report.behind:
        summary.add_row("events not published, behind one that failed", f"{report.behind:,}")
    console.print(summary)
    for title, counter in (
        ("Published events", report.events),
        ("Skipped, and why", report.skipped),
        ("Refused, and why", report.refusals),
    ):
        if counter:
            table = Table("what", Column("count", justify="right"), title=title)
            for what, count in counter.most_common():
                table.add_row(Text(one_line(what)), f"{count:,}")
            console.print(table)
    for example in report.examples:
        typer.echo(f"refused: {one_line(example)}")
    if report.failed:
        typer.echo(
            f"{report.failed:,} events failed. The incidents they are of are not finished: run the "
            "same command again when the cause is gone"
        )
    typer.echo(
        f"read back: {report.proven:,} incidents that ended Closed are Issue is Closed here, "
        f"{len(report.unclosed):,} are not"
    )
    for incident in report.unclosed[:UNCLOSED_MAX]:
        typer.echo(f"not closed: {one_line(incident)}")
