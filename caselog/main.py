"""The ``caselog`` command. It composes; rules live in the services.

Exit codes: 0 fine, 1 a check failed, 2 wrong usage, 3 a server cannot be reached, 130 Ctrl-C.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from caselog.command_line import FAILED, INTERRUPTED, UNREACHABLE, WRONG_USAGE, Data, fail, run
from caselog.dead_letter_commands import app as dead_letters

UNPROCESSABLE: Final = 422
SERVER_ERROR: Final = 500

app = typer.Typer(
    name="caselog",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"max_content_width": 100},
    help="""Customer issues between Operations and Engineering: two services, two event logs.

`caselog up` starts everything on this machine. All other commands find it by --data, by the
variable CASELOG_DATA, or in your data directory.

\b
Exit codes:
  0  fine
  1  a check failed
  2  wrong usage
  3  a server cannot be reached; the message says which
""",
)
import_app = typer.Typer(
    no_args_is_help=True, help="Play a real incident log through both services."
)
app.add_typer(import_app, name="import")
app.add_typer(dead_letters, name="deadletters")


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"caselog {version('caselog')}")
        raise typer.Exit


@app.callback()
def caselog(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Print the version, and exit."
        ),
    ] = False,
) -> None:
    pass


OneService = Annotated[Literal["ops", "eng"], typer.Argument(metavar="SERVICE", help="Which one.")]


@app.command()
def up(
    data: Data = None,
    ops_port: Annotated[int, typer.Option(metavar="PORT", help="Operations' HTTP port.")] = 8001,
    eng_port: Annotated[int, typer.Option(metavar="PORT", help="Engineering's HTTP port.")] = 8002,
    nats_port: Annotated[int, typer.Option(metavar="PORT", help="The NATS server's port.")] = 4222,
    demo: Annotated[
        bool, typer.Option("--demo", help="Add three teams, and an issue in every status.")
    ] = False,
) -> None:
    """Start everything on this machine, until Ctrl-C.

    When all is there it prints a line that begins with `ready`. Started again on the same
    directory it continues where it was, however it ended.
    """
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
    raise typer.Exit(run(start(options)))


@app.command()
def serve(service: OneService) -> None:
    """Run one service on servers of your own.

    CASELOG_POSTGRES_DSN, CASELOG_NATS_URL and CASELOG_JWKS name them; what is missing or wrong is
    said at once.
    """
    if service == "ops":
        from services.ops_issues.main import serve as start
    else:
        from services.eng_issues.main import serve as start
    raise typer.Exit(start())


@app.command()
def migrate(
    service: OneService,
    owner_dsn: Annotated[
        str,
        typer.Option(
            metavar="DSN",
            envvar="CASELOG_OWNER_DSN",
            help="The service's database, as the role that owns it.",
        ),
    ],
    role: Annotated[
        str,
        typer.Option(
            metavar="ROLE",
            envvar="CASELOG_APP_ROLE",
            help="The role that the service runs as; it must exist.",
        ),
    ],
) -> None:
    """Bring a database of your own to this version.

    `up` does that by itself. Run again, it does nothing.
    """
    from caselog.migrating import migrate as apply

    apply(service, owner_dsn, role)


@app.command()
def token(
    name: Annotated[str, typer.Option(metavar="NAME", help="Whose: a person or a system.")],
    role: Annotated[
        str,
        typer.Option(
            metavar="ROLE",
            help="What the holder may do: reporter, tier2, engineer, manager, operator, auditor "
            "or system.",
        ),
    ],
    team: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY", help="A team that an engineer speaks for; may be given again, * is all."
        ),
    ] = None,
    ttl: Annotated[
        str, typer.Option(metavar="TIME", help="How long it holds: 30m, 8h, 7d.")
    ] = "8h",
    data: Data = None,
) -> None:
    """Print a bearer token, signed by the stack's key."""
    from caselog.endpoints import data_directory
    from caselog.tokens import WrongOption
    from caselog.tokens import token as sign

    try:
        typer.echo(sign(data_directory(data), name=name, role=role, teams=team or [], ttl=ttl))
    except WrongOption as error:
        raise typer.BadParameter(str(error), param_hint=error.option) from error


@import_app.command("servicenow")
def import_servicenow(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            readable=True,
            help=".csv, .csv.xz, .csv.gz",
        ),
    ],
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Only the first N incidents.")
    ] = None,
    concurrency: Annotated[
        int, typer.Option(metavar="N", min=1, max=512, help="Incidents in flight, 512 at most.")
    ] = 64,
    data: Data = None,
) -> None:
    """Import a ServiceNow incident log; run again, it goes on where it stopped.

    Events are published to the intake as any other system would publish them. It prints what was
    recorded, skipped and refused and why, and proves the result by reading the issues back.
    """
    from caselog.endpoints import data_directory, load
    from caselog.importing.printing import print_report
    from caselog.importing.publisher import NoReceipt
    from caselog.importing.run import import_file
    from caselog.importing.servicenow import UnusableLog

    directory = data_directory(data)
    try:
        report = run(
            import_file(file, load(directory), directory, limit=limit, concurrency=concurrency)
        )
    except UnusableLog as error:
        fail(f"{file}: {error}", WRONG_USAGE)
    except NoReceipt as error:
        fail(f"{error}. Run the same command again to go on", UNREACHABLE)
    except KeyboardInterrupt:
        fail("interrupted. Run the same command again to go on", INTERRUPTED)
    print_report(report)
    raise typer.Exit(0 if report.good else FAILED)


@app.command()
def history(
    key: Annotated[
        str, typer.Argument(metavar="KEY", help="Of an ops issue, OPS-17, or an engineering one.")
    ],
    as_of: Annotated[
        str | None,
        typer.Option(
            metavar="T", help="As it was then: a moment (RFC 3339) or a position of the log."
        ),
    ] = None,
    format: Annotated[  # noqa: A002 - the option's public name
        Literal["table", "json", "markdown", "html"],
        typer.Option(
            metavar="FORMAT",
            help="table, json, markdown or html; the table clips long texts, the others do not.",
        ),
    ] = "table",
    data: Data = None,
) -> None:
    """Print all that happened to an issue, and why.

    What, who, when, because of what, and what it led to: the events of both services, in one order.
    """
    from caselog.client import Answered
    from caselog.endpoints import data_directory, load
    from caselog.history import NoKey, fetch, render

    try:
        found = run(fetch(load(data_directory(data)), key, as_of))
    except NoKey as error:
        raise typer.BadParameter(str(error), param_hint="KEY") from error
    except Answered as error:
        if error.status != UNPROCESSABLE:
            raise
        raise typer.BadParameter(str(error), param_hint="--as-of") from error
    typer.echo(render(found, format))


@app.command()
def tail(
    which: Annotated[
        Literal["ops", "eng", "both"],
        typer.Argument(metavar="LOG", help="Which log."),
    ] = "both",
    case: Annotated[
        str | None, typer.Option(metavar="KEY", help="Only what is about this issue.")
    ] = None,
    data: Data = None,
) -> None:
    """Follow the logs live, until Ctrl-C.

    One line for each entry, from now on. A service that ends is followed again when it is back.
    """
    from caselog.endpoints import data_directory
    from caselog.tail import follow

    run(follow(data_directory(data), which, case))


@app.command()
def lag(data: Data = None) -> None:
    """Print how far everything is, and the dead letters.

    A column for each service: its log, what it relayed and received, its read models.
    """
    from caselog.endpoints import data_directory, load
    from caselog.lag import print_lag

    run(print_lag(load(data_directory(data))))


@app.command()
def verify(
    which: Annotated[
        Literal["ops", "eng", "pair"],
        typer.Argument(metavar="LOG", help="One log, or both."),
    ] = "pair",
    data: Data = None,
) -> None:
    """Prove each log, and each against the other.

    Positions, versions and sequences dense, hashes those of the bytes, read models equal to the
    fold of the log, received as published. Exit code 0 and a summary, or 1 and the first
    differences. The services may run meanwhile.
    """
    from caselog.endpoints import data_directory, load
    from caselog.verifying.run import verify as check

    raise typer.Exit(0 if run(check(load(data_directory(data)), which)) else FAILED)


def main() -> None:
    """Runs the command line, and says for every command alike what an absent server means."""
    from caselog.client import Answered
    from caselog.endpoints import Unreachable

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # what this terminal cannot show
    try:
        app(prog_name="caselog")  # however it was started
    except Answered as error:
        typer.echo(f"caselog: {error}", err=True)
        sys.exit(UNREACHABLE if error.status >= SERVER_ERROR else WRONG_USAGE)
    except Unreachable as error:
        typer.echo(f"caselog: {error}", err=True)
        sys.exit(UNREACHABLE)


if __name__ == "__main__":
    main()
