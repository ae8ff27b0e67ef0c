"""Following the logs live, one line for each entry."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from time import monotonic
from typing import Any, Final, Literal

import httpx
import typer

from caselog.client import answered, service_client
from caselog.endpoints import SERVICES, Service, Unreachable, load
from caselog.wording import one_line, says

AWAY_SECONDS_MAX: Final = 120.0
"""How long a service that was there may be gone before following it is given up."""
PAUSE_SECONDS: Final = 0.5
SILENCE: Final = httpx.Timeout(10, read=45)
"""A stream says that it is still there every 15 s."""
BEGINNING: Final = b": from "
PASSING: Final = frozenset({429, 500, 502, 503, 504})
"""What a service answers that is just coming back, or has too much to do."""

Say = Callable[[str], None]


async def follow(data: Path, which: Literal["ops", "eng", "both"], case: str | None) -> None:
    """Prints entries as they are recorded, until it is stopped.

    A service that ends is followed again when it is back, from where it was, also on other ports.
    Raises Unreachable, Answered.
    """
    services: tuple[Service, ...] = SERVICES if which == "both" else (which,)
    heard: set[Service] = set()

    def hears(service: Service) -> None:
        if service not in heard:
            heard.add(service)
            if len(heard) == len(services):
                what = "" if case is None else f", only {one_line(case)}"
                tell(f"following {' and '.join(services)}{what}; Ctrl-C ends it")

    async with asyncio.TaskGroup() as followers:
        for service in services:
            followers.create_task(_Follower(data, service, case, hears).follow())


def tell(line: str) -> None:
    """Says something about the following itself, apart from what is followed."""
    typer.echo(f"caselog: {line}", err=True)


class _Follower:
    """Follows one service. ``heard`` is called each time that its stream begins."""

    def __init__(
        self, data: Path, service: Service, case: str | None, heard: Callable[[Service], None]
    ) -> None:
        self._data = data
        self._service = service
        self._case = case
        self._heard = heard
        self._last = ""
        self._there = False

    async def follow(self) -> None:
        """For ever. Raises Unreachable if it is not there at first, or away for too long."""
        await self._stream()
        away_since = monotonic()
        tell(f"{self._service} ended its stream; waiting for it to come back")
        while True:
            await asyncio.sleep(PAUSE_SECONDS)
            try:
                await self._stream()
            except Unreachable:
                if monotonic() - away_since > AWAY_SECONDS_MAX:
                    raise
            else:
                away_since = monotonic()

    async def _stream(self) -> None:
        """Prints until the stream ends. Raises Unreachable, Answered if it does not begin."""
        self._there = False
        try:
            # Read again each time: started again, the stack may have other ports and tokens.
            async with service_client(load(self._data), self._service, "auditor") as client:
                await self._print(client)
        except Unreachable:
            if not self._there:
                raise

    async def _print(self, client: httpx.AsyncClient) -> None:
        # What comes back while it is away is printed too: it goes on behind the last entry.
        headers = {"Last-Event-ID": self._last} if self._last else {}
        params = {} if self._case is None else {"case": self._case}
        async with client.stream(
            "GET", "/stream", params=params, headers=headers, timeout=SILENCE
        ) as answer:
            if not answer.is_success:
                await answer.aread()
                problem = answered(answer)
                if problem.status in PASSING:
                    raise Unreachable.server(f"the stream of {self._service}", problem)
                raise problem
            async for line in _lines(answer):
                if line.startswith(BEGINNING):
                    self._last = self._last or line.removeprefix(BEGINNING).decode()
                    self._there = True
                    self._heard(self._service)
                elif line.startswith(b"id:"):
                    self._last = line[3:].strip().decode()
                elif line.startswith(b"data:"):
                    typer.echo(_line(self._service, self._last, json.loads(line[5:])))


async def _lines(answer: httpx.Response) -> AsyncIterator[bytes]:
    """Lines end with a line feed alone: a text may hold what else Unicode calls a line's end."""
    rest = b""
    async for part in answer.aiter_bytes():
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            yield line


def _line(service: Service, position: str, event: dict[str, Any]) -> str:
    short = event["type"].split(".")[2]
    received = "" if event["source"] == f"/caselog/{service}" else " (received)"
    status = event["data"].get("to_status")
    moved = f"  → {one_line(str(status))}" if status else ""
    return (
        f"{service} {position:>8} {event['recordedtime'][:19]} {one_line(event['subject']):<10} "
        f"{short}{received} {one_line(event['actor'])}  {says(event['data'])}{moved}"
    )
