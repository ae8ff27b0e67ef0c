"""The examples of the guide for publishers, run as printed against a stack of their own.

A ``text`` block shows what to look for in the output of the block before it: its lines appear there
in this order, with ``…`` for anything.
"""

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, STDOUT, create_subprocess_exec
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from tests.kit.stack import RunningUp

GUIDE: Final = Path(__file__).parents[2] / "docs/publishers/README.md"
FENCE: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INTERPRETERS: Final = {
    "python": (sys.executable, "-c"),
    "sh": ("bash", "-euo", "pipefail", "-c"),
}
EXAMPLE_SECONDS: Final = 60.0


@dataclass
class Example:
    """A program of the guide, and what the guide shows of its output."""

    language: str
    program: str
    shown: list[str] = field(default_factory=list)

    async def run(self, data: Path) -> str:
        process = await create_subprocess_exec(
            *INTERPRETERS[self.language],
            self.program,
            env=os.environ | {"CASELOG_DATA": str(data)},
            stdout=PIPE,
            stderr=STDOUT,
        )
        try:
            printed, _ = await asyncio.wait_for(process.communicate(), EXAMPLE_SECONDS)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, printed.decode()
        return printed.decode()


def examples() -> list[Example]:
    found: list[Example] = []
    for language, body in FENCE.findall(GUIDE.read_text(encoding="utf-8")):
        if language == "text":
            found[-1].shown += body.splitlines()
        else:
            found.append(Example(language, body))
    return found


def is_shown(lines: list[str], printed: str) -> bool:
    """Whether the lines appear in this order."""
    patterns = (".*".join(map(re.escape, line.split("…"))) for line in lines)
    return re.search("(?s:.*)".join(patterns), printed) is not None


@pytest.mark.integration
@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_the_examples_work_as_printed(directory: Path, free_port: Callable[[], int]) -> None:
    found = examples()
    assert [example.language for example in found] == ["python", "python", "sh", "python"]
    assert all(example.shown for example in found)
    up = await RunningUp.start(directory / "data", free_port)
    try:
        await up.ready()
        for example in found:
            printed = await example.run(up.data)
            assert is_shown(example.shown, printed), printed
    finally:
        await up.stop()


def test_what_the_guide_shows_is_looked_for_in_order() -> None:
    assert is_shown(["{'a':…", "b…d"], "x {'a': 1}\nbcd\n")
    assert not is_shown(["b", "a"], "a\nb\n")
