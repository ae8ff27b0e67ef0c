"""What an import says at its end."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from caselog.importing.run import Report


def print_report(report: Report) -> None:
    console = Console()
    summary = Table(title="Imported", show_header=False)
    summary.add_row("incidents", f"{report.incidents:,}")
    summary.add_row("finished by an earlier run", f"{report.before:,}")
    summary.add_row("rows", f"{report.rows:,}")
    summary.add_row("seconds", f"{report.seconds:,.1f}")
    for outcome, count in sorted(report.outcomes.items()):
        summary.add_row(f"events {outcome}", f"{count:,}")
    console.print(summary)
    for title, counter in (
        ("Published events", report.events),
        ("Skipped, and why", report.skipped),
        ("Refused, and why", report.refusals),
    ):
        if counter:
            table = Table("what", "count", title=title)
            for what, count in counter.most_common():
                table.add_row(what, f"{count:,}")
            console.print(table)
    for example in report.examples:
        console.print(f"refused: {example}", markup=False)
    console.print(
        f"read back: {report.proven:,} incidents that ended Closed are Issue is Closed here, "
        f"{len(report.unclosed):,} are not"
    )
    for incident in report.unclosed[:10]:
        console.print(f"not closed: {incident}", markup=False)
