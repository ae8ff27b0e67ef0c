"""``caselog deadletters``: the commands; what they do is in ``dead_letters``."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Annotated, Literal, TypeVar

import typer

from caselog.command_line import FAILED, Data, run

app = typer.Typer(no_args_is_help=True, help="Messages that could not be processed.")

LetterId = Annotated[
    str, typer.Argument(metavar="ID", help="As `deadletters list` prints it: ops:… or eng:….")
]
T = TypeVar("T")


@app.command("list")
def dead_letters_list(
    state: Annotated[
        Literal["open", "retried", "discarded"] | None,
        typer.Option(metavar="STATE", help="Only those that are open, retried or discarded."),
    ] = None,
    data: Data = None,
) -> None:
    """List them, oldest first: id, time, subject or route, reason."""
    from caselog.dead_letters import print_list
    from caselog.endpoints import data_directory, load

    run(print_list(load(data_directory(data)), state))


@app.command("show")
def dead_letters_show(letter: LetterId, data: Data = None) -> None:
    """Show one, with its headers and exact bytes."""
    from caselog.dead_letters import print_one
    from caselog.endpoints import data_directory, load

    _about_a_letter(print_one(load(data_directory(data)), letter))


@app.command("retry")
def dead_letters_retry(letter: LetterId, data: Data = None) -> None:
    """Process one again, as if it had just come.

    Exit code 1 if it is refused again.
    """
    from caselog.dead_letters import retry
    from caselog.endpoints import data_directory, load

    done = _about_a_letter(retry(load(data_directory(data)), letter))
    raise typer.Exit(0 if done else FAILED)


@app.command("discard")
def dead_letters_discard(
    letter: LetterId,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why it will never be processed.")],
    data: Data = None,
) -> None:
    """Set one aside for good; it is kept, with the reason."""
    if not reason.strip():
        raise typer.BadParameter("says nothing", param_hint="--reason")
    from caselog.dead_letters import discard
    from caselog.endpoints import data_directory, load

    _about_a_letter(discard(load(data_directory(data)), letter, reason))


def _about_a_letter(work: Coroutine[object, object, T]) -> T:
    from caselog.dead_letters import NoLetter

    try:
        return run(work)
    except NoLetter as error:
        raise typer.BadParameter(str(error), param_hint="ID") from error
