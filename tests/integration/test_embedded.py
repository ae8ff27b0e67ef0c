"""Embedded servers: one per directory, whatever happened to whoever started the last one."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import asyncpg
import httpx
import nats
import pytest

from caselog.embedded import process
from caselog.embedded.nats import EmbeddedNats, NatsOptions
from caselog.embedded.postgres import EmbeddedPostgres
from caselog.embedded.postgres_settings import PostgresOptions
from caselog.embedded.process import AlreadyRunning, StartFailed
from tests.kit.waiting import eventually

pytestmark = pytest.mark.integration

OWNER = """
import asyncio, sys
from pathlib import Path
from caselog.embedded import process
from caselog.embedded.nats import EmbeddedNats
from caselog.embedded.postgres import EmbeddedPostgres

async def main(kind, home, dies_with_owner):
    process.DIES_WITH_OWNER = dies_with_owner == "dies"
    server = {"postgres": EmbeddedPostgres, "nats": EmbeddedNats}[kind](Path(home))
    await server.start()
    print(server.pid, server.dsn() if kind == "postgres" else server.url, flush=True)
    await asyncio.Event().wait()

asyncio.run(main(*sys.argv[1:]))
"""


class Owners:
    """Processes that start a server and then only live."""

    def __init__(self) -> None:
        self._started: list[asyncio.subprocess.Process] = []

    async def start(
        self, kind: str, home: Path, *, dies_too: bool = False
    ) -> asyncio.subprocess.Process:
        choice = "dies" if dies_too else "stays"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", OWNER, kind, str(home), choice),
            stdout=asyncio.subprocess.PIPE,
        )
        self._started.append(process)
        return process

    async def kill(self, process: asyncio.subprocess.Process) -> None:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    async def kill_all(self) -> None:
        for owner in self._started:
            await self.kill(owner)


@pytest.fixture
async def owners() -> AsyncIterator[Owners]:
    owners = Owners()
    yield owners
    await owners.kill_all()


async def started(owner: asyncio.subprocess.Process) -> tuple[int, str]:
    """The process id and the address of the server that it started."""
    assert owner.stdout is not None
    pid, address = (await owner.stdout.readline()).split()
    return int(pid), address.decode()


def is_alive(pid: int) -> bool:
    """Dead is also who only waits for a new parent to take note of it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


async def ask(server: EmbeddedPostgres | str, sql: str) -> object:
    dsn = server if isinstance(server, str) else server.dsn()
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def add_stream(url: str) -> None:
    connection = await nats.connect(url)
    await connection.jetstream().add_stream(name="KEPT", subjects=["kept"])
    await connection.jetstream().publish("kept", b"x")
    await connection.close()


async def kept_messages(url: str) -> int:
    connection = await nats.connect(url)
    info = await connection.jetstream().stream_info("KEPT")
    await connection.close()
    return info.state.messages


def small(home: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(home, PostgresOptions(durable=False, shared_buffers="16MB"))


async def test_a_server_left_by_a_killed_owner_is_ended_and_its_data_is_kept(
    directory: Path, owners: Owners
) -> None:
    home = directory / "postgres"
    owner = await owners.start("postgres", home)
    survivor, dsn = await started(owner)
    await ask(dsn, "CREATE TABLE kept AS SELECT 7 AS n")
    await owners.kill(owner)
    assert is_alive(survivor)

    server = small(home)
    await server.start()
    try:
        assert not is_alive(survivor)
        assert await ask(server, "SELECT n FROM kept") == 7
    finally:
        await server.stop()


async def test_a_nats_server_left_by_a_killed_owner_is_ended_and_its_streams_are_kept(
    directory: Path, owners: Owners
) -> None:
    home = directory / "nats"
    owner = await owners.start("nats", home)
    survivor, url = await started(owner)
    await add_stream(url)
    await owners.kill(owner)
    assert is_alive(survivor)

    server = EmbeddedNats(home)
    await server.start()
    try:
        assert not is_alive(survivor)
        assert await kept_messages(server.url) == 1
    finally:
        await server.stop()


async def test_a_survivor_that_hangs_is_killed(
    directory: Path, owners: Owners, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "LEFTOVER_PATIENCE_SECONDS", 0.2)
    owner = await owners.start("nats", directory / "nats")
    survivor, _ = await started(owner)
    await owners.kill(owner)
    os.kill(survivor, signal.SIGSTOP)

    server = EmbeddedNats(directory / "nats")
    await server.start()
    await server.stop()

    assert not is_alive(survivor)


if sys.platform == "linux":

    @pytest.mark.parametrize("kind", ["postgres", "nats"])
    async def test_on_linux_a_server_does_not_outlive_its_owner(
        directory: Path, owners: Owners, kind: str
    ) -> None:
        owner = await owners.start(kind, directory / kind, dies_too=True)
        pid, _ = await started(owner)

        await owners.kill(owner)

        await eventually(lambda: not is_alive(pid), describe="the server ends")


async def test_an_owner_killed_during_initdb_leaves_nothing_in_the_way(
    directory: Path, owners: Owners
) -> None:
    home = directory / "postgres"
    owner = await owners.start("postgres", home)
    await eventually((home / "initdb" / "data" / "base").exists)
    await owners.kill(owner)

    server = small(home)
    await server.start()
    try:
        assert await ask(server, "SELECT 1") == 1
        assert not (home / "initdb").exists()
    finally:
        await server.stop()


@pytest.mark.parametrize("kind", [EmbeddedPostgres, EmbeddedNats])
async def test_two_living_owners_never_share_a_directory(
    directory: Path, kind: type[EmbeddedPostgres | EmbeddedNats]
) -> None:
    first = kind(directory / "server")
    await first.start()
    try:
        pid = first.pid

        with pytest.raises(AlreadyRunning):
            await kind(directory / "server").start()

        assert first.pid == pid is not None
    finally:
        await first.stop()


@pytest.mark.parametrize("name", ['it\'s "here" \\ ü', "deep/" * 30 + "end"])
async def test_any_path_will_do(directory: Path, name: str) -> None:
    home = directory / name
    postgres, server = small(home / "postgres"), EmbeddedNats(home / "nats")
    try:
        await postgres.start()
        await server.start()

        assert await ask(postgres, "SHOW data_directory") == str(home / "postgres" / "data")
        await add_stream(server.url)
        assert list(server.store.rglob("KEPT"))
    finally:
        await server.stop()
        await postgres.stop()


async def test_postgres_never_runs_as_root_and_closed_directories_stay_closed(
    directory: Path,
) -> None:
    closed = directory / "closed"
    closed.mkdir(mode=0o700)
    server = small(closed / "postgres")
    await server.start()
    try:
        assert await ask(server, "SELECT 1") == 1
        assert server.data.stat().st_uid == (os.geteuid() or server.data.stat().st_uid) != 0
        assert closed.stat().st_mode & 0o777 == 0o700
        assert (server.home / "passwords.json").stat().st_mode & 0o777 == 0o600
    finally:
        await server.stop()


async def test_nobody_is_let_in_without_a_password(directory: Path) -> None:
    server = small(directory / "postgres")
    await server.start()
    try:
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(server.dsn().replace(server.password("postgres"), "guessed"))
    finally:
        await server.stop()


async def test_a_pid_file_that_names_somebody_else_does_not_stop_a_start(directory: Path) -> None:
    server = small(directory / "postgres")
    await server.start()
    pid_file = (server.data / "postmaster.pid").read_text()
    await server.kill()
    _, _, rest = pid_file.partition("\n")
    (server.data / "postmaster.pid").write_text(f"{os.getppid()}\n{rest}")

    await server.start()
    try:
        assert await ask(server, "SELECT 1") == 1
    finally:
        await server.stop()


async def test_an_empty_pid_file_does_not_stop_a_start(directory: Path) -> None:
    """A full disk leaves it so."""
    server = small(directory / "postgres")
    await server.start()
    await server.kill()
    (server.data / "postmaster.pid").write_text("")

    await server.start()
    try:
        assert await ask(server, "SELECT 1") == 1
    finally:
        await server.stop()


async def test_postgres_keeps_its_port_unless_somebody_took_it(directory: Path) -> None:
    async def port_of_a_start() -> int:
        server = small(directory / "postgres")
        await server.start()
        await server.stop()
        return server.port

    first, again = await port_of_a_start(), await port_of_a_start()
    with socket.create_server(("127.0.0.1", first)):
        other = await port_of_a_start()

    assert first == again != other


async def test_a_restarted_postgres_waits_for_the_port_that_its_clients_know(
    directory: Path,
) -> None:
    server = small(directory / "postgres")
    await server.start()
    port = server.port
    await server.kill()

    with socket.create_server(("127.0.0.1", port)), pytest.raises(StartFailed, match="is taken"):
        await server.start()
    await server.start()
    await server.stop()

    assert server.port == port


async def test_a_taken_nats_port_is_said(directory: Path, free_port: Callable[[], int]) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        server = EmbeddedNats(directory / "nats", NatsOptions(port=port))

        with pytest.raises(StartFailed, match=f"{port}.*address already in use"):
            await server.start()

    await server.start()
    await server.stop()


async def test_what_is_acknowledged_is_on_disk(directory: Path) -> None:
    postgres, server = EmbeddedPostgres(directory / "postgres"), EmbeddedNats(directory / "nats")
    await postgres.start()
    await server.start()
    try:
        settings = {
            name: await ask(postgres, f"SHOW {name}")
            for name in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums")
        }
        async with httpx.AsyncClient() as client:
            jetstream = (await client.get(f"{server.monitor_url}/jsz")).json()["config"]
    finally:
        await server.stop()
        await postgres.stop()

    assert set(settings.values()) == {"on"}
    assert jetstream["sync_always"] is True


async def test_no_setting_of_ones_own_gives_durability_away(directory: Path) -> None:
    server = EmbeddedPostgres(directory / "postgres")
    server.home.mkdir()
    (server.home / "local.conf").write_text("fsync = off\nwork_mem = '5MB'\n")
    await server.start()
    try:
        assert await ask(server, "SHOW work_mem") == "5MB"
        assert await ask(server, "SHOW fsync") == "on"
    finally:
        await server.stop()


async def test_a_server_that_cannot_start_says_why(directory: Path) -> None:
    server = small(directory / "postgres")
    server.home.mkdir()
    (server.home / "local.conf").write_text("shared_buffers = 'plenty'\n")

    with pytest.raises(StartFailed, match=r"invalid value for parameter .*shared_buffers"):
        await server.start()

    assert server.pid is None


async def test_a_server_that_hangs_on_stopping_is_killed(directory: Path) -> None:
    server = EmbeddedNats(directory / "nats")
    await server.start()
    assert server.pid is not None
    pid = server.pid
    os.kill(pid, signal.SIGSTOP)

    await server.stop(patience=0.1)

    assert not is_alive(pid)
    shutil.rmtree(server.home)
