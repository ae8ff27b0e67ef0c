"""The README's five minutes, run as printed against a stack of their own.

A ``text`` block behind a ``sh`` block shows what to look for in its output: its lines appear there
in this order, with ``…`` for anything.
"""

import asyncio
import os
import re
import shlex
from asyncio.subprocess import PIPE, STDOUT, create_subprocess_exec
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final

import httpx
import pytest

from caselog.endpoints import Endpoints
from tests.kit.stack import RunningUp
from tests.kit.waiting import eventually

ROOT: Final = Path(__file__).parents[2]
DATA: Final = ".caselog"
"""The data directory as README has it."""
LAST_TERMINAL: Final = 3
WALK_SECONDS: Final = 240.0
MARK: Final = "--- block"
FENCE: Final = re.compile(r"^```(\S+)( terminal=\d)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass
class Block:
    """Commands of the walk, for one terminal, and what README shows of their output."""

    commands: str
    terminal: int = LAST_TERMINAL
    shown: list[str] = field(default_factory=list)


def walk() -> list[Block]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split("\n## Five minutes\n")[1].split("\n## ")[0]
    blocks: list[Block] = []
    for language, terminal, body in FENCE.findall(section):
        if language == "sh":
            blocks.append(Block(body, int(terminal[-1]) if terminal else LAST_TERMINAL))
        else:
            assert language == "text", f"a block of {language} is neither run nor compared"
            blocks[-1].shown += body.splitlines()
    return blocks


@asynccontextmanager
async def running(command: str, log: Path) -> AsyncIterator[None]:
    """A command of one line, whose output goes into ``log``, for as long as it is needed."""
    with log.open("wb") as output:
        process = await create_subprocess_exec(
            *("bash", "-c", f"exec {command}"), cwd=ROOT, stdout=output, stderr=STDOUT
        )
    try:
        yield
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def heard(log: Path, endpoints: Endpoints) -> None:
    """Returns when the tail has printed something: from then on it misses nothing."""
    headers = {"Authorization": f"Bearer {endpoints.tokens['manager']}"}
    names = count()
    async with httpx.AsyncClient(base_url=endpoints.eng, headers=headers) as eng:

        async def has_printed() -> bool:
            answer = await eng.put("/teams/TAIL", json={"name": f"Tail {next(names)}"})
            assert answer.is_success, answer.text
            return log.stat().st_size > 0

        await eventually(has_printed, every=0.2, describe=log.read_text)


async def outputs(blocks: list[Block], data: Path) -> list[str]:
    """What each block prints, run one after the other in one shell.

    Tables are as wide there as README shows them, whatever the terminal that runs the tests has.
    """
    script = "".join(f"printf '\\n{MARK}\\n'\n{block.commands}" for block in blocks)
    variables = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    process = await create_subprocess_exec(
        *("bash", "-euo", "pipefail", "-c", script),
        cwd=ROOT,
        env=variables | {"CASELOG_DATA": str(data), "NO_COLOR": "1"},
        stdout=PIPE,
        stderr=STDOUT,
    )
    try:
        printed, _ = await asyncio.wait_for(process.communicate(), WALK_SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    text = printed.decode()
    assert process.returncode == 0, text
    return text.split(f"\n{MARK}\n")[1:]


def missing(shown: list[str], printed: str) -> Iterator[str]:
    """The lines that README shows and that the output has not, in their order."""
    rest = printed
    for line in shown:
        parts = map(re.escape, line.strip().split("…"))
        found = re.search(".*?".join(parts), rest)
        if found is None:
            yield f"{line!r} is not in\n{rest}"
        else:
            rest = rest[found.end() :]


@pytest.mark.integration
@pytest.mark.slow
@pytest.mark.timeout(2 * WALK_SECONDS)
async def test_the_walk_works_as_printed(directory: Path, free_port: Callable[[], int]) -> None:
    first, second, *rest = walk()
    assert (first.terminal, first.commands) == (1, f'make run ARGS="--data {DATA}"\n')
    assert second.terminal == LAST_TERMINAL - 1
    assert {block.terminal for block in rest} == {LAST_TERMINAL}
    data, log = directory / "data", directory / "tail.log"

    up = await RunningUp.start(data, free_port)
    try:
        endpoints = await up.ready()
        async with running(second.commands.replace(DATA, shlex.quote(str(data))), log):
            await heard(log, endpoints)
            printed = await outputs(rest, data)
            await eventually(lambda: "Issue is Closed" in log.read_text(), describe=log.read_text)
    finally:
        await up.stop()

    pairs = zip(rest, printed, strict=True)
    assert [line for block, output in pairs for line in missing(block.shown, output)] == []


def test_what_readme_shows_is_looked_for_in_order() -> None:
    printed = '{"key":"OPS-1","version":1,"status":"New"}\nOPS-1 is in New\n'

    assert list(missing(['{"key":"OPS-1",…"status":"New"}', "is in New"], printed)) == []
    assert len(list(missing(["is in New", '{"key":"OPS-1"'], printed))) == 1
