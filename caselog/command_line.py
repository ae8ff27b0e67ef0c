"""What all commands share: exit codes, the option --data, and how a command runs and fails.

Imports as little as it can, so that ``--help`` is quick.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Final, NoReturn, TypeVar

import typer

FAILED: Final = 1
WRONG_USAGE: Final = 2
UNREACHABLE: Final = 3
INTERRUPTED: Final = 130

Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="The stack's directory (default: CASELOG_DATA, or your data directory).",
    ),
]

T = TypeVar("T")


def run(work: Coroutine[object, object, T]) -> T:
    """Runs it; of what failed in several concurrent parts, the first one is raised."""
    try:
        return asyncio.run(work)
    except ExceptionGroup as group:
        first: BaseException = group
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from group


def fail(message: str, code: int) -> NoReturn:
    """Ends the command with a message and an exit code."""
    typer.echo(f"caselog: {message}", err=True)
    raise typer.Exit(code)
