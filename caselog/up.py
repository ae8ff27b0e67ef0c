"""``caselog up``: everything on one machine, in one process tree, from one data directory.

Order: the directory's lock, the ends of survivors, the ports, PostgreSQL, databases and migrations,
NATS, both services, ``endpoints.json``. Stopping goes the other way round. Killed at any moment, it
goes on from what is on disk: each step is done again unless it was done as a whole.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from caselog import demo, provisioning
from caselog.embedded.locks import FileLock
from caselog.embedded.nats import EmbeddedNats, NatsOptions
from caselog.embedded.ports import unusable
from caselog.embedded.postgres import EmbeddedPostgres
from caselog.embedded.process import AlreadyRunning, StartFailed
from caselog.endpoints import SERVICES, Endpoints, Service
from caselog.logs import keep_capped
from caselog.service_process import ServiceProcess
from caselog.stack import TITLES, Layout
from caselog.supervisor import Part, Supervisor, patiently

FINE: Final = 0
WRONG_USAGE: Final = 2
UNREACHABLE: Final = 3
PORTS: Final = range(1, 65_536)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    data: Path
    ops_port: int = 8001
    eng_port: int = 8002
    nats_port: int = 4222
    demo: bool = False

    def port(self, service: Service) -> int:
        return self.ops_port if service == "ops" else self.eng_port


class Refused(Exception):
    """It cannot be started like this; the text says what to change."""


def print_now(line: str) -> None:
    """Print a line that whoever waits for it gets at once; nothing when nobody reads any more."""
    try:
        print(line, flush=True)
    except BrokenPipeError:  # the stack runs on without its terminal
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


async def up(options: Options, say: Say = print_now) -> int:
    """Run the stack until SIGTERM, SIGHUP or Ctrl-C, and give the exit code.

    0: stopped; 2: the directory is in use or not ours, or a port is taken; 3: a part does not
    start. A second signal makes the stopping hurry.
    """
    layout = Layout.of(options.data)
    lock = FileLock(layout.lock)
    supervisor = Supervisor(say)
    asked = asyncio.Event()

    def press() -> None:
        if asked.is_set():
            say("hurrying")
            supervisor.hurry()
        else:
            say("stopping")
            asked.set()

    with signals_handled(press):
        try:
            take_directory(options, layout, lock)
            capping = asyncio.create_task(keep_capped(layout.logs))
            try:
                await until_asked(asked, run(options, layout, supervisor, say))
            finally:
                capping.cancel()
                await supervisor.stop()
        except (Refused, AlreadyRunning) as error:
            print(f"caselog: {error}", file=sys.stderr)
            return WRONG_USAGE
        except StartFailed as error:
            print(f"caselog: {error}", file=sys.stderr)
            return UNREACHABLE
        finally:
            lock.release()
    say("stopped")
    return FINE


async def run(options: Options, layout: Layout, supervisor: Supervisor, say: Say) -> None:
    """Bring everything up and say so; what runs then, the supervisor owns.

    Raises:
        Refused: a port is taken.
        StartFailed: a part does not start.
    """
    postgres = EmbeddedPostgres(layout.postgres, log=layout.log("postgres"))
    nats = EmbeddedNats(
        layout.nats, NatsOptions(options.nats_port), log=layout.log("nats"), say=say
    )
    services = [
        ServiceProcess(
            name=TITLES[service],
            service=service,
            port=options.port(service),
            home=layout.service(service),
            log=layout.log(service),
        )
        for service in SERVICES
    ]
    await patiently(claim(*services, nats, postgres), "what is left of an earlier run", say)
    check_ports(options)

    say("starting PostgreSQL" if postgres.data.exists() else "making the databases")
    await supervisor.bring_up(postgres)
    databases = await provisioning.provide_databases(postgres)
    await patiently(provisioning.migrate_databases(databases), "migrations of the databases", say)
    provisioning.provide_keys(layout)
    say("starting NATS")
    await supervisor.bring_up(nats)
    say("starting Operations and Engineering")
    for part in services:
        part.settings = provisioning.settings(
            layout, databases[part.service], nats=nats.url, port=part.port
        )
    await supervisor.bring_up(*services)

    endpoints = Endpoints(
        ops=services[0].url,
        eng=services[1].url,
        nats=nats.url,
        postgres={service: databases[service].app_dsn for service in SERVICES},
        tokens=provisioning.tokens(layout),
    )
    provisioning.write_endpoints(layout, endpoints)
    if options.demo:
        await patiently(demo.tell(endpoints, layout.root), "the demo's teams and issues", say)
    say_ready(layout, endpoints, say)


async def claim(*parts: Part) -> None:
    """Own all parts; what survived a killed ``up`` ends in the order in which parts are stopped."""
    for part in parts:
        await part.claim()


def say_ready(layout: Layout, endpoints: Endpoints, say: Say) -> None:
    """The line that begins with ``ready``, and what to do next."""
    say(
        f"ready: Operations {endpoints.ops}, Engineering {endpoints.eng}, NATS {endpoints.nats}; "
        f"tokens and the rest are in {layout.endpoints}"
    )
    data = shlex.quote(str(layout.root))
    say(f"  follow what happens:  caselog tail --data {data}")
    say(f"  logs of the parts:    {layout.logs}")
    say("  stop it:              Ctrl-C")


def take_directory(options: Options, layout: Layout, lock: FileLock) -> None:
    """Make the directory ours for as long as this process lives.

    Raises:
        Refused: it cannot be, or the options contradict each other.
    """
    ports = named_ports(options)
    if wrong := [f"{option} {port}" for option, port in ports if port not in PORTS]:
        raise Refused(f"not a port: {', '.join(wrong)}")
    if len({port for _, port in ports}) < len(ports):
        said = ", ".join(f"{option} {port}" for option, port in ports)
        raise Refused(f"each part needs a port of its own: {said}")
    try:
        layout.make()
        if not lock.acquire():
            raise Refused(f"{layout.root} is in use by process {lock.holder()}, another caselog up")
        layout.endpoints.unlink(missing_ok=True)  # of the last time: its tokens, maybe its ports
    except OSError as error:
        raise Refused(f"{layout.root} cannot be used: {error}") from error


def check_ports(options: Options) -> None:
    """Look whether all ports are free, now that no survivor has them.

    Raises:
        Refused: one is not; names the option that chooses another.
    """
    for option, port in named_ports(options):
        if reason := unusable(port):
            raise Refused(f"port {port} {reason}; choose another one with {option}")


def named_ports(options: Options) -> tuple[tuple[str, int], ...]:
    return (
        ("--ops-port", options.ops_port),
        ("--eng-port", options.eng_port),
        ("--nats-port", options.nats_port),
    )


async def until_asked(asked: asyncio.Event, work: Coroutine[None, None, None]) -> None:
    """Do the work, then wait to be asked to stop; asked before it is done, give it up.

    Raises:
        Exception: whatever the work raises.
    """
    working = asyncio.create_task(work)
    waiting = asyncio.create_task(asked.wait())
    try:
        await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
            await waiting
    finally:
        for task in (working, waiting):
            task.cancel()
        await asyncio.gather(working, waiting, return_exceptions=True)


@contextmanager
def signals_handled(press: Callable[[], None]) -> Iterator[None]:
    """Call ``press`` for each signal that asks to stop, instead of what it does by itself."""
    loop = asyncio.get_running_loop()
    handled = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup wants it
        handled.append(signal.SIGHUP)
    for each in handled:
        loop.add_signal_handler(each, press)
    try:
        yield
    finally:
        for each in handled:
            loop.remove_signal_handler(each)
