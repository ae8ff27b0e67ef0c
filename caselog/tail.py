"""Following the logs live, one line for each entry."""

from __future__ import annotations

import asyncio
import json
from typing import Final, Literal

import httpx
import stamina
import typer

from caselog.client import service_client
from caselog.endpoints import SERVICES, Endpoints, Service, Unreachable

_NO_TIMEOUT: Final = httpx.Timeout(10, read=None)


async def follow(
    endpoints: Endpoints, which: Literal["ops", "eng", "both"], case: str | None
) -> None:
    """Prints entries as they are recorded, until it is stopped. Raises Unreachable."""
    async with asyncio.TaskGroup() as followers:
        for service in SERVICES if which == "both" else (which,):
            followers.create_task(_follow(endpoints, service, case))


async def _follow(endpoints: Endpoints, service: Service, case: str | None) -> None:
    last = ""
    async for attempt in stamina.retry_context(on=Unreachable, attempts=10, timeout=60):
        with attempt:
            async with service_client(endpoints, service, "auditor") as client:
                headers = {"Last-Event-ID": last} if last else {}
                params = {"case": case} if case else {}
                async with client.stream(
                    "GET", "/stream", params=params, headers=headers, timeout=_NO_TIMEOUT
                ) as answer:
                    answer.raise_for_status()
                    async for line in answer.aiter_lines():
                        if line.startswith("id:"):
                            last = line[3:].strip()
                        elif line.startswith("data:"):
                            typer.echo(_line(service, last, line[5:].strip()))
            raise Unreachable(f"the {service} service ended the stream")


def _line(service: Service, position: str, entry: str) -> str:
    event = json.loads(entry)
    short = event["type"].split(".")[2]
    says = " ".join(f"{name}={value!r}" for name, value in event["data"].items())
    received = "" if event["source"] == f"/caselog/{service}" else " (received)"
    return (
        f"{service} {position:>8} {event['recordedtime'][:19]} {event['subject']:<10} "
        f"{short}{received} {event['actor']} {says}"
    )
