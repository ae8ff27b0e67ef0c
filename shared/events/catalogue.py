"""The event catalogue as Markdown: each event, when it happens, its fields, an example."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin
from uuid import UUID

import msgspec
from msgspec import Struct, UnsetType

from shared.events.asyncapi import Examples
from shared.events.described import Field, description, fields
from shared.events.envelope import Head
from shared.events.intake import Receipt, Service
from shared.events.jsonschemas import ACCEPTED, PUBLISHED
from shared.events.reading import Announcement, ReadReply, ReadRequest

_OPENING: Final = """\
# Event catalogue

<!-- Written by `python -m shared.events.generate`; change the definitions in shared/events. -->

How to publish and how to read is in [the guide for publishers](README.md). The JSON Schemas of all
of this are in [`shared/events/schemas`](../../shared/events/schemas), with an
[AsyncAPI document](../../shared/events/schemas/asyncapi.json). Examples show what is in `data`; the
first of each kind is shown whole.

A field may be added to an event within `v1`; none is removed, renamed or retyped. Ignore those that
you do not know. A field that is not always there is left out when it says nothing."""

_ENVELOPE: Final = """\
Every published event is a CloudEvent 1.0 in JSON, on one line, with these attributes and its body
in `data`. `Content-Type` is `application/cloudevents+json`."""

_PUBLISHED: Final[Mapping[Service, str]] = {
    "ops": """\
## Operations publishes

On `ops.events.<OPS-KEY>.<type>`, the stream `OPS_EVENTS`.""",
    "eng": """\
## Engineering publishes

On `eng.events.<OPS-KEY>.<type>`, the stream `ENG_EVENTS`, one event for each linked ops issue.""",
}

_ACCEPTED: Final[Mapping[Service, str]] = {
    "ops": """\
## What other systems may tell Operations

On `intake.ops.<system>.<type>`, or over HTTP. Besides these, every command of Operations can be
published under its name (`intake.ops.<system>.close`), with the body that it has over HTTP. A field
that is not in the table is refused.""",
    "eng": """\
## What other trackers may tell Engineering

On `intake.eng.<system>.<type>`, or over HTTP, for a team that works elsewhere. A field that is not
in the table is refused.""",
}

_NAMES: Final[Mapping[Any, str]] = {
    str: "text",
    int: "integer",
    bool: "true or false",
    UUID: "UUID",
    datetime: "date and time",
}


def catalogue(examples: Examples) -> str:
    """The whole page, ending in a newline; ``examples`` are those of the AsyncAPI document."""
    return "\n\n".join(_parts(examples)) + "\n"


def _parts(examples: Examples) -> Iterator[str]:
    yield _OPENING
    yield f"## The envelope\n\n{_ENVELOPE}"
    yield _table(Head)
    for service, kinds in PUBLISHED.items():
        yield _PUBLISHED[service]
        for kind in kinds:
            yield from _section(f"`{kind.TYPE}`", kind)
            yield _example(examples[kind.TYPE]["full"], whole=kind is kinds[0])
    for service, bodies in ACCEPTED.items():
        yield _ACCEPTED[service]
        for body in bodies:
            yield from _section(f"`{body.TYPE}` to {service}", body)
            example = examples[f"intake.{service}.{body.TYPE}"]["full"]
            yield _example(example, whole=body is bodies[0])
    yield "## Receipts, heads and reading a log"
    yield from _section("Receipt", Receipt)
    yield from _section("Head", Announcement)
    yield from _section("Request", ReadRequest)
    yield from _section("Reply", ReadReply)


def _section(title: str, kind: type[Struct]) -> Iterator[str]:
    yield f"### {title}\n\n{description(kind)}"
    yield _table(kind)


def _table(kind: type[Struct]) -> str:
    lines = ["| field | type | | meaning |", "| --- | --- | --- | --- |", *_rows(kind)]
    return "\n".join(lines)


def _rows(kind: type[Struct], prefix: str = "") -> Iterator[str]:
    written_whole = not kind.__struct_config__.omit_defaults
    one_of: tuple[str, ...] = getattr(kind, "ONE_OF", ())
    for field in fields(kind):
        annotation = _plain(field.annotation)
        name = f"{prefix}{field.name}"
        always = field.required or (written_whole and field.default is not msgspec.UNSET)
        presence = "one of these" if field.name in one_of else "" if always else _absent(field)
        yield f"| `{name}` | {_type(annotation)} | {presence} | {field.text} |"
        inner = _inner(annotation)
        if inner is not None:
            yield from _rows(inner, f"{name}[]." if get_origin(annotation) is tuple else f"{name}.")


def _absent(field: Field) -> str:
    if field.default in (None, msgspec.UNSET, ()):
        return "optional"
    shown = msgspec.json.encode(field.default).decode()
    return f"optional, `{shown}`"


def _plain(annotation: Any) -> Any:
    """The type without its constraints, and without what says that it may be absent."""
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) in {types.UnionType, Union}:
        [some] = [a for a in get_args(annotation) if a not in {types.NoneType, UnsetType}]
        return _plain(some)
    return annotation


def _type(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return " · ".join(f"`{value}`" for value in get_args(annotation))
    if get_origin(annotation) is tuple:
        return f"list of {_type(_plain(get_args(annotation)[0]))}"
    return _NAMES.get(annotation, "object")


def _inner(annotation: Any) -> type[Struct] | None:
    """The Struct whose fields belong under this field."""
    if get_origin(annotation) is tuple:
        return _inner(_plain(get_args(annotation)[0]))
    if isinstance(annotation, type) and issubclass(annotation, Struct):
        return annotation
    return None


def _example(event: Mapping[str, Any], *, whole: bool) -> str:
    shown = msgspec.json.encode(event if whole else event["data"])
    return f"```json\n{msgspec.json.format(shown, indent=2).decode()}\n```"
