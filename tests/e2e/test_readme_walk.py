"""The README's five minutes, run as printed against a stack of their own.

A ``text`` block behind a ``sh`` block shows what to look for in its output: its lines appear there
in this order, with ``…`` for anything.
"""

import asyncio
import json
import os
import re
import shlex
import signal
import sys
from asyncio.subprocess import STDOUT, Process, create_subprocess_exec
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import httpx
import pytest

from tests.kit.waiting import eventually

ROOT = Path(__file__).parents[2]
DATA_IN_README = ".caselog"
START_SECONDS = 90.0
STOP_SECONDS = 60.0
WALK_SECONDS = 240.0
MARK = "--- block"

FENCE = re.compile(r"^```(\S+)( terminal=\d)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass
class Block:
    """Commands of the walk, for one terminal, and what README shows of their output."""

    commands: str
    terminal: int = 3
    shown: list[str] = field(default_factory=list)


def walk() -> list[Block]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split("\n## Five minutes\n")[1].split("\n## ")[0]
    blocks: list[Block] = []
    for language, terminal, body in FENCE.findall(section):
        if language == "sh":
            blocks.append(Block(body, int(terminal[-1]) if terminal else 3))
        else:
            assert language == "text", f"a block of {language} is neither run nor compared"
            blocks[-1].shown += body.splitlines()
    return blocks


@asynccontextmanager
async def running(*command: str, log: Path, patience: float) -> AsyncIterator[Process]:
    """A program whose output goes into ``log``; asked to stop at the end, killed if it does not."""
    with log.open("wb") as output:
        process = await create_subprocess_exec(*command, cwd=ROOT, stdout=output, stderr=STDOUT)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            try:
                await asyncio.wait_for(process.wait(), patience)
            except TimeoutError:
                process.kill()
                await process.wait()


@asynccontextmanager
async def stack(data: Path, free_port: Callable[[], int]) -> AsyncIterator[Process]:
    """``caselog up`` as `make run` starts it, ready, on ports of its own."""
    ports = [f"--{name}-port={free_port()}" for name in ("ops", "eng", "nats")]
    log = data.parent / "up.log"
    command = (sys.executable, "-m", "caselog.main", "up", f"--data={data}", *ports)
    async with running(*command, log=log, patience=STOP_SECONDS) as process:

        def is_ready() -> bool:
            said = log.read_text()
            if process.returncode is not None:
                pytest.fail(f"caselog up ended with {process.returncode}:\n{said}")
            return any(line.startswith("ready") for line in said.splitlines())

        await eventually(is_ready, START_SECONDS, every=0.1, describe=log.read_text)
        yield process


async def heard(log: Path, data: Path) -> None:
    """Returns when the tail has printed something: from then on it misses nothing."""
    endpoints = json.loads((data / "endpoints.json").read_text())
    headers = {"Authorization": f"Bearer {endpoints['tokens']['manager']}"}
    names = count()
    async with httpx.AsyncClient(base_url=endpoints["eng"], headers=headers) as eng:

        async def has_printed() -> bool:
            answer = await eng.put("/teams/TAIL", json={"name": f"Tail {next(names)}"})
            assert answer.is_success, answer.text
            return log.stat().st_size > 0

        await eventually(has_printed, every=0.2, describe=log.read_text)


async def output_of(blocks: list[Block], data: Path) -> list[str]:
    """What each block prints, run one after the other in one shell."""
    script = "".join(f"printf '\\n{MARK}\\n'\n{block.commands}" for block in blocks)
    process = await create_subprocess_exec(
        *("bash", "-euo", "pipefail", "-c", script),
        cwd=ROOT,
        env=os.environ | {"CASELOG_DATA": str(data), "NO_COLOR": "1"},
        stdout=asyncio.subprocess.PIPE,
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
@pytest.mark.timeout(START_SECONDS + STOP_SECONDS + WALK_SECONDS)
async def test_the_walk_works_as_printed(directory: Path, free_port: Callable[[], int]) -> None:
    blocks = walk()
    first, second, rest = blocks[0], blocks[1], blocks[2:]
    assert (first.terminal, first.commands) == (
        1,
        f'make run ARGS="--data {DATA_IN_README}"\n',
    )
    assert second.terminal == 2
    assert {block.terminal for block in rest} == {3}
    data, tail_log = directory / "data", directory / "tail.log"

    async with stack(data, free_port) as up:
        tail = second.commands.replace(DATA_IN_README, shlex.quote(str(data)))
        async with running("bash", "-c", f"exec {tail}", log=tail_log, patience=10):
            await heard(tail_log, data)
            printed = await output_of(rest, data)
            await eventually(
                lambda: "Issue is Closed" in tail_log.read_text(), describe=tail_log.read_text
            )
        up.send_signal(signal.SIGINT)
        stopped = await asyncio.wait_for(up.wait(), STOP_SECONDS)

    offences = [
        offence
        for block, output in zip(rest, printed, strict=True)
        for offence in missing(block.shown, output)
    ]
    assert offences == []
    assert stopped == 0


def test_what_readme_shows_is_looked_for_in_order() -> None:
    printed = '{"key":"OPS-1","version":1,"status":"New"}\nOPS-1 is in New\n'

    assert list(missing(['{"key":"OPS-1",…"status":"New"}', "is in New"], printed)) == []
    assert len(list(missing(["is in New", '{"key":"OPS-1"'], printed))) == 1
