"""Worlds from the command line: ``make sim SEEDS=1000``, ``make sim SEED=n``."""

from __future__ import annotations

import argparse
import secrets
import sys
import time

from tests.simulation.running import Summary, run_in_parallel, run_seeds, table, told
from tests.simulation.teeth.biting import bite_all


def main() -> int:
    """Exit code 1 if a world broke, or a wrong variant survived."""
    parser = argparse.ArgumentParser(prog="make sim", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1_000, help="how many fresh worlds")
    parser.add_argument("--first", type=int, help="the first of their seeds; drawn if absent")
    parser.add_argument("--seed", type=int, help="this world alone, twice, with its trace")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--teeth", action="store_true", help="the wrong variants, each caught?")
    arguments = parser.parse_args()
    if arguments.teeth:
        return _teeth()
    if arguments.seed is not None:
        return _one(arguments.seed)
    first = secrets.randbelow(10**9) if arguments.first is None else arguments.first
    return _many(range(first, first + arguments.seeds), arguments.workers)


def _one(seed: int) -> int:
    outcomes = [run_seeds([seed]) for _ in range(2)]
    broken = outcomes[0].broken
    say("\n".join(told(outcome) for outcome in broken) or f"seed {seed}: nothing broke")
    say(table(outcomes[0]))
    if outcomes[0] != outcomes[1]:
        say(f"seed {seed} does not give the same trace twice")
        return 1
    return 1 if broken else 0


def _many(seeds: range, workers: int) -> int:
    began = time.monotonic()
    shown = 0

    def progress(summary: Summary) -> None:
        nonlocal shown
        for outcome in summary.broken[shown:]:
            say(told(outcome))
        shown = len(summary.broken)
        pace = summary.worlds / (time.monotonic() - began) * 60
        line = f"\r{summary.worlds:,} of {len(seeds):,} worlds, {pace:,.0f} a minute "
        sys.stderr.write(line)

    say(f"seeds {seeds.start} to {seeds.stop - 1}, {workers} workers")
    summary = run_in_parallel(seeds, workers, progress)
    sys.stderr.write("\n")
    say(table(summary))
    for outcome in summary.broken:
        say(f"seed {outcome.seed}: {outcome.detail[:200]}")
    return 1 if summary.broken else 0


def _teeth() -> int:
    bites = bite_all()
    say(f"{'wrong variant':<52} {'seeds':>5}  caught by")
    for bite in bites:
        seeds = "-" if bite.seeds is None else bite.seeds
        say(f"{bite.variant:<52} {seeds:>5}  {bite.check or 'SURVIVED'}")
    return 1 if any(bite.check is None for bite in bites) else 0


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
