"""Many worlds one after the other, and what to say of those that break."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from tests.simulation.world import Outcome, little_garbage, run_seed

CHUNK: Final = 50
"""Worlds that a worker takes at a time."""
SHOWN_LINES: Final = 60
FAILED_BEFORE: Final = Path(__file__).with_name("failed_seeds.txt")


@dataclass
class Summary:
    """What became of the worlds; ``broken`` are those in which something was."""

    worlds: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    broken: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        self.worlds += 1
        self.faults += outcome.faults
        self.counts += outcome.counts
        if outcome.check is not None:
            self.broken.append(outcome)

    def merge(self, other: Summary) -> None:
        self.worlds += other.worlds
        self.faults += other.faults
        self.counts += other.counts
        self.broken += other.broken


def failed_before() -> list[int]:
    """The seeds that ever failed: the first word of each line that is no comment."""
    lines = FAILED_BEFORE.read_text(encoding="utf-8").splitlines()
    return [int(line.split()[0]) for line in lines if line and not line.startswith("#")]


def run_seeds(seeds: Iterable[int], seconds: float | None = None) -> Summary:
    """Lives through the worlds of these seeds in this process; ``seconds``: so long at most."""
    summary = Summary()
    ends = None if seconds is None else time.monotonic() + seconds
    with little_garbage():
        for seed in seeds:
            summary.add(run_seed(seed))
            if ends is not None and time.monotonic() > ends:
                break
    return summary


def _run_chunk(seeds: list[int]) -> Summary:
    return run_seeds(seeds)


def run_in_parallel(
    seeds: Iterable[int], workers: int, progress: Callable[[Summary], None] = lambda _: None
) -> Summary:
    """The same in several processes; ``progress`` is told after each chunk."""
    summary = Summary()
    with ProcessPoolExecutor(workers) as pool:
        for part in pool.map(_run_chunk, _chunks(seeds)):
            summary.merge(part)
            progress(summary)
    return summary


def _chunks(seeds: Iterable[int]) -> Iterator[list[int]]:
    rest = iter(seeds)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


def told(outcome: Outcome) -> str:
    """What broke, the last lines of the trace, and how to see it again."""
    lines = "\n".join(outcome.trace[-SHOWN_LINES:])
    return (
        f"{lines}\n\nseed {outcome.seed}: {outcome.detail}\n"
        f"trace {outcome.digest}; again: make sim SEED={outcome.seed}\n"
    )


def table(summary: Summary) -> str:
    """How many worlds, commands and faults by kind there were."""
    faults = [f"  {count:>10,}  {kind}" for kind, count in summary.faults.most_common()]
    counts = [f"  {count:>10,}  {kind}" for kind, count in sorted(summary.counts.items())]
    head = f"{summary.worlds:,} worlds, {len(summary.broken)} broken"
    return "\n".join([head, "", *counts, "", "faults", *faults])
