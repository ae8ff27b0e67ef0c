"""Does to a running product what a schedule says."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

import nats
import nats.errors
import nats.js.errors

from caselog.embedded import launch
from caselog.embedded.account import account_for
from caselog.embedded.postgres import ENVIRONMENT, binary
from caselog.endpoints import SERVICES, Service
from tests.chaos.product import Part, Product, Server, descendants
from tests.chaos.schedule import Fault

STREAMS: Final = ("OPS_EVENTS", "ENG_EVENTS", "INTAKE", "RECEIPTS")
FREEZABLE: Final = ("ops", "eng", "nats", "postgres")
DELAYS_SECONDS: Final = (0.05, 0.4)
BYTES_CORRUPTED: Final = 200
CONNECT_SECONDS: Final = 2

Pause = Callable[[float], Awaitable[None]]


class Faults:
    """Injects faults; ``pause`` waits so many seconds."""

    def __init__(self, product: Product, pause: Pause) -> None:
        self._product = product
        self._pause = pause

    async def inject(self, fault: Fault) -> str:
        """Returns when the fault is over, with what was done in particular."""
        dice = random.Random(fault.dice)
        match fault.kind.split():
            case ["kill", "a", "backend"]:
                return self._kill_backend(dice)
            case ["kill", part]:
                return self._kill(part)  # type: ignore[arg-type]
            case ["freeze", part]:
                return await self._freeze(part, fault.lasts)  # type: ignore[arg-type]
            case ["pg_ctl", *_]:
                return await self._stop_immediately()
            case ["wipe", *_]:
                return await self._wipe(dice)
            case ["delete", *_]:
                return await self._delete_stream(dice)
            case ["corrupt", *_]:
                return self._corrupt(dice)
            case [how, server]:
                return await self._on_the_way(how, server, fault.lasts, dice)  # type: ignore[arg-type]
        raise ValueError(fault.kind)

    def _kill(self, part: Part) -> str:
        return "" if self._product.kill(part) else "it was not there"

    def _kill_backend(self, dice: random.Random) -> str:
        """One of PostgreSQL's own processes: the server ends all others and recovers."""
        pid = self._product.pid("postgres")
        children = descendants(pid) if pid else []
        if not children:
            return "there was none"
        with suppress(ProcessLookupError):
            os.kill(dice.choice(children), signal.SIGKILL)
        return ""

    async def _freeze(self, part: Part, seconds: float) -> str:
        family = self._product.family(part)
        if not family:
            return "it was not there"
        signal_all(family, signal.SIGSTOP)
        try:
            await self._pause(seconds)
        finally:
            signal_all(family, signal.SIGCONT)
        return ""

    async def _stop_immediately(self) -> str:
        """``pg_ctl stop -m immediate``, as the user that the server runs as."""
        data = self._product.data / "postgres" / "data"
        command = [str(binary("pg_ctl")), "stop", "-m", "immediate", "-D", str(data)]
        account = account_for(data, (binary("pg_ctl"),))
        with tempfile.TemporaryFile() as pid_file:
            spec = {
                "parent": os.getpid(),
                "death_signal": 0,
                "lock_fd": pid_file.fileno(),
                "uid": account and account.uid,
                "gid": account and account.gid,
                "keep_reach": account is not None and account.keep_reach,
            }
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", launch.__file__, json.dumps(spec), *command),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env=ENVIRONMENT,
                pass_fds=(pid_file.fileno(),),
            )
            said, _ = await process.communicate()
        return said.decode().strip().splitlines()[-1] if process.returncode else ""

    async def _wipe(self, dice: random.Random) -> str:
        """The directory goes away under the running server, which dies a moment later."""
        shutil.rmtree(self._product.store, ignore_errors=True)
        moment = dice.choice((0.0, 1.0))
        await self._pause(moment)
        self._product.kill("nats")
        shutil.rmtree(self._product.store, ignore_errors=True)
        return f"killed {moment:g} s later"

    async def _delete_stream(self, dice: random.Random) -> str:
        stream = dice.choice(STREAMS)
        try:
            client = await nats.connect(
                f"nats://127.0.0.1:{self._product.nats_port}",
                connect_timeout=CONNECT_SECONDS,
                allow_reconnect=False,
            )
        except (OSError, nats.errors.Error) as error:
            return f"no server: {error!r}"
        try:
            await client.jetstream().delete_stream(stream)
        except (nats.errors.Error, nats.js.errors.Error) as error:
            return f"{stream}: {error!r}"
        finally:
            await client.close()
        return stream

    def _corrupt(self, dice: random.Random) -> str:
        """Other bytes in a stream's file, found when the server reads it after a crash."""
        blocks = [
            path
            for path in sorted(self._product.store.glob("jetstream/*/streams/*/msgs/*.blk"))
            if path.stat().st_size
        ]
        if not blocks:
            return "there was nothing to corrupt"
        path = dice.choice(blocks)
        self._product.kill("nats")
        overwrite(path, dice)
        return f"{path.parts[-3]} {path.name}"

    async def _on_the_way(
        self, how: str, server: Server, seconds: float, dice: random.Random
    ) -> str:
        services = dice.choice((("ops",), ("eng",), SERVICES))
        proxies = [self._product.proxies[service, server] for service in only(services)]
        delay = dice.uniform(*DELAYS_SECONDS)
        for proxy in proxies:
            match how:
                case "cut":
                    proxy.cut()
                case "refuse":
                    proxy.refuse()
                case "delay":
                    proxy.delay(delay)
                case _:
                    proxy.hold()
        try:
            await self._pause(seconds)
        finally:
            for proxy in proxies:
                proxy.heal()
        return f"of {' and '.join(services)}" + (f" by {delay:.2f} s" if how == "delay" else "")


def only(names: Iterable[str]) -> list[Service]:
    return [service for service in SERVICES if service in set(names)]


def signal_all(pids: Iterable[int], sent: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, sent)


def overwrite(path: Path, dice: random.Random) -> None:
    """Random bytes somewhere in the middle of a file."""
    with suppress(FileNotFoundError), path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(dice.randrange(max(1, size - BYTES_CORRUPTED)))
        file.write(dice.randbytes(min(BYTES_CORRUPTED, size)))
