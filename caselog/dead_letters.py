"""The messages that could not be processed, of both services: ``ops:<id>`` and ``eng:<id>``."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final, Literal
from uuid import UUID

import typer

from caselog.client import Answered, ask, service_client
from caselog.endpoints import SERVICES, Endpoints, Service
from caselog.wording import one_line, printable

DUMP_WIDTH: Final = 16
"""Bytes on a line of a dump."""
_HARMLESS: Final = str.maketrans({"\n": " ", "\t": " "})

State = Literal["open", "retried", "discarded"]


class NoLetter(Exception):
    """What was given is no id of a dead letter, or there is none of that id."""


async def print_list(endpoints: Endpoints, state: State | None) -> None:
    """Three lines for each, oldest first: id, time and state; subject or route; reason."""
    count = 0
    for service in SERVICES:
        async with service_client(endpoints, service, "operator") as client:
            params: dict[str, str] = {}
            while True:
                page = await ask(client, "GET", "/dead-letters", params=params)
                for letter in page["items"]:
                    if state in {None, letter["state"]}:
                        count += 1
                        typer.echo("\n".join(_summary(service, letter)))
                if page["next_cursor"] is None:
                    break
                params = {"cursor": page["next_cursor"]}
    if count == 0:
        typer.echo("no dead letters" if state is None else f"no dead letters are {state}")


async def print_one(endpoints: Endpoints, letter: str) -> None:
    """Everything known of one, its exact bytes included. Raises NoLetter."""
    shown = await _ask(endpoints, letter, "GET", "")
    for name in ("received_at", "route", "state", "note", "rule", "reason", "times"):
        if shown[name] is not None:
            typer.echo(f"{name.replace('_', ' ')}: {one_line(str(shown[name]))}")
    for name, value in shown["headers"]:
        typer.echo(f"header {one_line(name)}: {one_line(value)}")
    body = b64decode(shown["body"])
    text = _as_text(body)
    form = "as text" if text is not None else "in hexadecimal"
    typer.echo(f"body: {len(body):,} bytes{f', {form}' if body else ''}\n")
    typer.echo("\n".join(_dump(body)) if text is None else text)


async def retry(endpoints: Endpoints, letter: str) -> bool:
    """Whether it was recorded this time. Raises NoLetter."""
    receipt = await _ask(endpoints, letter, "POST", "/retry")
    if receipt["outcome"] == "refused":
        why = one_line(receipt.get("reason") or receipt.get("rule") or "")
        typer.echo(f"{letter}: refused again: {why}")
        typer.echo(f"To set it aside: caselog deadletters discard {letter} --reason …")
        return False
    at = f" at position {receipt['position']}" if "position" in receipt else ""
    typer.echo(f"{letter}: {receipt['outcome']} as {receipt['key']}{at}")
    return True


async def discard(endpoints: Endpoints, letter: str, reason: str) -> None:
    """Sets one aside for good. Raises NoLetter."""
    await _ask(endpoints, letter, "POST", "/discard", json={"reason": reason})
    typer.echo(f"{letter}: discarded; it is kept, with the reason")


async def _ask(endpoints: Endpoints, letter: str, method: str, path: str, **request: Any) -> Any:
    named, number = _parsed(letter)
    async with service_client(endpoints, named, "operator") as client:
        try:
            return await ask(client, method, f"/dead-letters/{number}{path}", **request)
        except Answered as error:
            if error.status != 404:
                raise
            raise NoLetter(str(error)) from error


def _parsed(letter: str) -> tuple[Service, UUID]:
    service, _, identity = letter.partition(":")
    with suppress(ValueError):
        number = UUID(identity)
        for each in SERVICES:
            if each == service:
                return each, number
    raise NoLetter(
        f"{printable(letter)!r} is no id: ops: or eng: and a UUID, as `deadletters list` has it"
    )


def _summary(service: Service, letter: Mapping[str, Any]) -> Iterator[str]:
    times = f", {letter['times']} times" if letter["times"] > 1 else ""
    moment = letter["received_at"][:19].replace("T", " ")
    yield f"{service}:{letter['id']}  {moment}  {letter['state']}{times}"
    yield f"    {one_line(letter['route'])}"
    yield f"    {one_line(letter['reason'])}"


def _as_text(body: bytes) -> str | None:
    """The body as text, if that shows it exactly: nothing in it acts on a terminal."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    seen = text.replace("\r\n", "\n").translate(_HARMLESS)
    return text if seen.isprintable() else None


def _dump(body: bytes) -> Iterator[str]:
    """As ``xxd`` has it: the place, the bytes, and the letters among them."""
    for begin in range(0, len(body), DUMP_WIDTH):
        part = body[begin : begin + DUMP_WIDTH]
        letters = "".join(chr(each) if 0x20 <= each < 0x7F else "." for each in part)
        yield f"{begin:08x}  {part.hex(' '):<{DUMP_WIDTH * 3 - 1}}  {letters}"
