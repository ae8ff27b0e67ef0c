"""The ``caselog`` command. It composes; rules live in the services.

Exit codes: 0 fine, 1 a check failed, 2 wrong usage, 3 a server cannot be reached.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Final, Literal, NoReturn, TypeVar

import typer

FAILED: Final = 1
WRONG_USAGE: Final = 2
UNREACHABLE: Final = 3
SERVER_ERROR: Final = 500

app = typer.Typer(
    name="caselog",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Customer issues between Operations and Engineering: two services, two event logs.",
)
import_app = typer.Typer(
    no_args_is_help=True, help="Drive a real incident log through both services."
)
dead_letters_app = typer.Typer(no_args_is_help=True, help="Messages that could not be processed.")
app.add_typer(import_app, name="import")
app.add_typer(dead_letters_app, name="deadletters")

Data = Annotated[
    Path | None,
    typer.Option(
        "--data", help="Where the stack keeps its state (default: CASELOG_DATA, else yours)."
    ),
]
OneService = Annotated[Literal["ops", "eng"], typer.Argument(help="Which service.")]


@app.command()
def up(
    data: Data = None,
    ops_port: Annotated[int, typer.Option(help="Operations' HTTP port.")] = 8001,
    eng_port: Annotated[int, typer.Option(help="Engineering's HTTP port.")] = 8002,
    nats_port: Annotated[int, typer.Option(help="The NATS server's port.")] = 4222,
    demo: Annotated[bool, typer.Option("--demo", help="Add three teams and some issues.")] = False,
) -> None:
    """Start everything on this machine; started again on the same data it goes on where it was."""
    from caselog.endpoints import data_directory
    from caselog.up import Options
    from caselog.up import up as start

    options = Options(
        data=data_directory(data),
        ops_port=ops_port,
        eng_port=eng_port,
        nats_port=nats_port,
        demo=demo,
    )
    raise typer.Exit(_run(start(options)))


@app.command()
def serve(service: OneService) -> None:
    """Run one service against the servers that the CASELOG_* settings name."""
    if service == "ops":
        from services.ops_issues.main import serve as run
    else:
        from services.eng_issues.main import serve as run
    raise typer.Exit(run())


@app.command()
def migrate(
    service: OneService,
    owner_dsn: Annotated[
        str, typer.Option(envvar="CASELOG_OWNER_DSN", help="The database as its owner.")
    ],
    role: Annotated[
        str, typer.Option(envvar="CASELOG_APP_ROLE", help="The role that the service runs as.")
    ],
) -> None:
    """Bring a service's database to this version."""
    from shared.bus.migrate import migrate as apply

    for step in apply(owner_dsn, role):
        typer.echo(f"{service}: {step}")


@app.command()
def token(
    name: Annotated[str, typer.Option(help="Whose token: a person's or a system's name.")],
    role: Annotated[str, typer.Option(help="What the holder may do.")],
    team: Annotated[
        list[str] | None, typer.Option(help="An engineer's team; may be given again.")
    ] = None,
    ttl: Annotated[str, typer.Option(help="How long it holds: 30m, 8h, 7d.")] = "8h",
    data: Data = None,
) -> None:
    """Print a bearer token signed by the local key."""
    from caselog.endpoints import data_directory
    from caselog.stack import Layout
    from caselog.tokens import WrongTtl, time_to_live
    from shared.hosting.tokens import issue_token

    key = Layout.of(data_directory(data)).token_key
    try:
        typer.echo(issue_token(key, name=name, role=role, teams=team or [], ttl=time_to_live(ttl)))
    except WrongTtl as error:
        raise typer.BadParameter(str(error), param_hint="--ttl") from error


@import_app.command("servicenow")
def import_servicenow(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many incidents.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=512, help="Incidents in flight.")] = 64,
    data: Data = None,
) -> None:
    """Import a ServiceNow incident log (CSV, .xz, .gz); run again to go on where it stopped."""
    from caselog.endpoints import data_directory, load
    from caselog.importing.printing import print_report
    from caselog.importing.publisher import NoReceipt
    from caselog.importing.run import import_file
    from caselog.importing.servicenow import UnusableLog

    directory = data_directory(data)
    try:
        report = _run(
            import_file(file, load(directory), directory, limit=limit, concurrency=concurrency)
        )
    except UnusableLog as error:
        _fail(f"{file}: {error}", WRONG_USAGE)
    except NoReceipt as error:
        _fail(f"{error}; run the same command again to go on", UNREACHABLE)
    print_report(report)
    raise typer.Exit(0 if report.good else FAILED)


@app.command()
def history(
    key: Annotated[str, typer.Argument(help="An ops issue, OPS-17, or an engineering issue.")],
    as_of: Annotated[
        str | None, typer.Option(help="A moment (RFC 3339) or a position of the log.")
    ] = None,
    format: Annotated[  # noqa: A002 - the option's public name
        Literal["table", "json", "markdown", "html"], typer.Option(help="How to print it.")
    ] = "table",
    data: Data = None,
) -> None:
    """Print the full history of a case: what happened, who, when, why, and what it led to."""
    from caselog.endpoints import data_directory, load
    from caselog.history import fetch, render

    typer.echo(render(_run(fetch(load(data_directory(data)), key, as_of)), format))


@app.command()
def tail(
    which: Annotated[Literal["ops", "eng", "both"], typer.Argument()] = "both",
    case: Annotated[str | None, typer.Option(help="Only this case.")] = None,
    data: Data = None,
) -> None:
    """Follow the logs live."""
    from caselog.endpoints import data_directory, load
    from caselog.tail import follow

    _run(follow(load(data_directory(data)), which, case))


@app.command()
def lag(data: Data = None) -> None:
    """Print how far each log, relay, receiver and projection is, and the dead letters."""
    from caselog.endpoints import data_directory, load
    from caselog.lag import print_lag

    _run(print_lag(load(data_directory(data))))


@app.command()
def verify(
    which: Annotated[Literal["ops", "eng", "pair"], typer.Argument()] = "pair",
    data: Data = None,
) -> None:
    """Prove both logs: dense, unchanged, projections equal to the fold, received as published."""
    from caselog.endpoints import data_directory, load
    from caselog.verifying.run import verify as check

    raise typer.Exit(0 if _run(check(load(data_directory(data)), which)) else FAILED)


@dead_letters_app.command("list")
def dead_letters_list(data: Data = None) -> None:
    """List them: id, time, subject or route, reason."""
    from caselog.dead_letters import print_list
    from caselog.endpoints import data_directory, load

    _run(print_list(load(data_directory(data))))


@dead_letters_app.command("show")
def dead_letters_show(
    letter: Annotated[str, typer.Argument(metavar="ID")], data: Data = None
) -> None:
    """Show one, with the exact bytes."""
    from caselog.dead_letters import print_one
    from caselog.endpoints import data_directory, load

    _run(print_one(load(data_directory(data)), letter))


@dead_letters_app.command("retry")
def dead_letters_retry(
    letter: Annotated[str, typer.Argument(metavar="ID")], data: Data = None
) -> None:
    """Process one again."""
    from caselog.dead_letters import retry
    from caselog.endpoints import data_directory, load

    raise typer.Exit(0 if _run(retry(load(data_directory(data)), letter)) else FAILED)


@dead_letters_app.command("discard")
def dead_letters_discard(
    letter: Annotated[str, typer.Argument(metavar="ID")],
    reason: Annotated[str, typer.Option(help="Why it will never be processed.")],
    data: Data = None,
) -> None:
    """Set one aside for good; it is kept, with the reason."""
    from caselog.dead_letters import discard
    from caselog.endpoints import data_directory, load

    _run(discard(load(data_directory(data)), letter, reason))


T = TypeVar("T")


def _run(work: Coroutine[object, object, T]) -> T:
    try:
        return asyncio.run(work)
    except ExceptionGroup as group:  # of concurrent parts; the first one says enough
        first: BaseException = group
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from group


def _fail(message: str, code: int) -> NoReturn:
    typer.echo(f"caselog: {message}", err=True)
    raise typer.Exit(code)


def main() -> None:
    """Runs the command line, and says for every command alike what an absent server means."""
    from caselog.client import Answered
    from caselog.endpoints import Unreachable

    try:
        app()
    except Answered as error:
        typer.echo(f"caselog: {error}", err=True)
        sys.exit(UNREACHABLE if error.status >= SERVER_ERROR else WRONG_USAGE)
    except Unreachable as error:
        typer.echo(f"caselog: {error}", err=True)
        sys.exit(UNREACHABLE)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
