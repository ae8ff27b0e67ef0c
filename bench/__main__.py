"""``make bench``: measures everything, or what is named, each figure against its floor."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import uvloop

from bench import append, commands, history, http, propagation
from bench.effort import FULL, QUICK, Effort
from bench.ground import Ground, ground
from bench.report import Report, print_machine
from shared.hosting.collecting import collect_seldom

BENCHES: Final[dict[str, Callable[[Report, Ground, Effort], Awaitable[None]]]] = {
    "append": append.measure,
    "commands": commands.measure,
    "history": history.measure,
    "http": http.measure,
    "propagation": propagation.measure,
}


async def run(names: Iterable[str], effort: Effort, report: Report) -> None:
    """Each bench on servers of its own."""
    print_machine()
    for name in names:
        async with ground(effort) as servers:
            await BENCHES[name](report, servers, effort)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("benches", nargs="*", metavar="BENCH", help=", ".join(BENCHES))
    parser.add_argument("--quick", action="store_true", help="only see that each one runs")
    options = parser.parse_args()
    unknown = set(options.benches) - BENCHES.keys()
    if unknown:
        parser.error(f"no such bench: {', '.join(sorted(unknown))}")
    report = Report()
    effort = QUICK if options.quick else FULL
    collect_seldom()  # as a service does
    uvloop.run(run(options.benches or BENCHES, effort, report))
    report.print_table()


if __name__ == "__main__":
    main()
