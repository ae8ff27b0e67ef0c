"""Every bench runs and comes to figures. What they are says nothing on a machine that tests."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from bench.__main__ import BENCHES

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.mark.parametrize("bench", BENCHES)
async def test_a_bench_prints_its_figures_beside_their_floors(bench: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench", "--quick", bench),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, wrong = await process.communicate()

    assert process.returncode == 0, wrong.decode()
    machine, *figures = [
        json.loads(line) for line in said.decode().splitlines() if line.startswith("{")
    ]
    assert machine["machine"]["python"]
    assert figures
    assert all(figure["median"] > 0 and figure["floor"]["median"] > 0 for figure in figures)
    assert said.decode().count("\n|") == len(figures) + 2, "a row for each, under two of heading"
