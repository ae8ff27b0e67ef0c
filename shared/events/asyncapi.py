"""The AsyncAPI 3.0 document: every channel on the bus, what goes over it and which way.

Seen from caselog, as AsyncAPI asks: it sends events, heads and receipts, and receives the intake
and requests to read its logs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from shared.events import subjects
from shared.events.content import STRUCTURED
from shared.events.described import summary
from shared.events.envelope import short_name
from shared.events.intake import Receipt, Service
from shared.events.jsonschemas import (
    ACCEPTED,
    PUBLISHED,
    Schema,
    accepted,
    intake_command,
    intake_event,
    published_event,
    written,
)
from shared.events.reading import Announcement, ReadReply, ReadRequest

Examples = Mapping[str, Mapping[str, Any]]
"""Example payloads by size (``minimal``, ``full``), by the message's name."""

VERSION: Final = "1.0.0"
"""Of the contract: the second number grows with added fields, messages and channels."""

_JSON: Final = "application/json"
_NAMES: Final[Mapping[Service, str]] = {"ops": "Operations", "eng": "Engineering"}
_PARAMETERS: Final[Mapping[str, str]] = {
    "key": "The key of the ops issue; of the team, for `team-defined`.",
    "type": "The short name of the event's type.",
    "system": "The publishing system: letters, digits, `_` and `-`.",
    "id": "The id that the publisher gave its event.",
}
_DESCRIPTION: Final = """\
What the two services of caselog say to each other and to anyone who listens, and what other systems
may tell them. Every event is a CloudEvent 1.0; a published one is the very bytes that its author's
log holds. Members may be added to an event within `v1`: ignore those that you do not know."""


def document(examples: Examples) -> Schema:
    """The whole document, with those examples."""
    messages: Schema = {}
    channels: Schema = {}
    operations: Schema = {}
    for service in PUBLISHED:
        _add_events(service, examples, messages, channels, operations)
        _add_intake(service, examples, messages, channels, operations)
        _add_head(service, channels, operations)
        _add_reading(service, channels, operations)
    _add_receipts(channels, operations)
    messages |= _plain_messages()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "caselog",
            "version": VERSION,
            "description": _DESCRIPTION.replace("\n", " "),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": STRUCTURED,
        "servers": {
            "nats": {
                "host": "{host}:{port}",
                "protocol": "nats",
                "description": "NATS with JetStream; of a local stack, see `endpoints.json`.",
                "variables": {
                    "host": {"default": "localhost", "description": "Where NATS runs."},
                    "port": {"default": "4222", "description": "The port for its clients."},
                },
            }
        },
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages},
    }


def _add_events(
    service: Service, examples: Examples, messages: Schema, channels: Schema, operations: Schema
) -> None:
    names = []
    for kind in PUBLISHED[service]:
        names.append(f"{service}.{short_name(kind.TYPE)}")
        messages[names[-1]] = _message(
            kind.TYPE,
            summary(kind),
            published_event(service, kind),
            examples=examples[kind.TYPE],
        )
    channels[f"{service}.events"] = _channel(
        f"{service}.events.{{key}}.{{type}}",
        f"What {_NAMES[service]} publishes, on the stream {subjects.EVENT_STREAMS[service]}.",
        names,
    )
    operations[f"{service}.publish"] = _operation(
        "send", f"{service}.events", f"{_NAMES[service]} says what happened."
    )


def _add_intake(
    service: Service, examples: Examples, messages: Schema, channels: Schema, operations: Schema
) -> None:
    names = []
    for body in ACCEPTED[service]:
        names.append(f"intake.{service}.{body.TYPE}")
        messages[names[-1]] = _message(
            f"caselog.{service}.{body.TYPE}.v1",
            summary(body),
            intake_event(service, body),
            examples=examples[names[-1]],
        )
    if service == "ops":
        names.append("intake.ops.command")
        messages[names[-1]] = _message("command", "Any command.", intake_command(service))
    channels[f"intake.{service}"] = _channel(
        f"intake.{service}.{{system}}.{{type}}",
        f"What other systems tell {_NAMES[service]}, on the stream {subjects.INTAKE}. Structured "
        "mode, or binary mode with `ce-` headers. Each event gets one receipt.",
        names,
    )
    operations[f"{service}.takeIn"] = _operation(
        "receive", f"intake.{service}", f"{_NAMES[service]} takes in events of other systems."
    )


def _add_head(service: Service, channels: Schema, operations: Schema) -> None:
    text = f"Once a second, over core NATS: how far the log of {_NAMES[service]} has come."
    channels[f"{service}.head"] = _channel(subjects.head(service), text, ["head"])
    operations[f"{service}.announceHead"] = _operation("send", f"{service}.head", text)


def _add_reading(service: Service, channels: Schema, operations: Schema) -> None:
    text = f"The log of {_NAMES[service]}, read directly; a NATS micro service."
    channels[f"log.{service}.read"] = _channel(subjects.log_read(service), text, ["readRequest"])
    channels[f"log.{service}.reply"] = {
        "address": None,  # the requester's inbox
        "description": "Where a requester awaits the page it asked for.",
        "messages": {"readReply": {"$ref": "#/components/messages/readReply"}},
    }
    operations[f"{service}.readLog"] = {
        **_operation("receive", f"log.{service}.read", text),
        "reply": {"channel": {"$ref": f"#/channels/log.{service}.reply"}},
    }


def _add_receipts(channels: Schema, operations: Schema) -> None:
    text = f"What became of each intake event, on the stream {subjects.RECEIPTS}, kept for 7 days."
    channels["receipts"] = _channel("receipts.{system}.{id}", text, ["receipt"])
    operations["sendReceipt"] = _operation("send", "receipts", text)


def _plain_messages() -> Schema:
    return {
        name: _message(name, summary(kind), schema, content_type=_JSON)
        for name, kind, schema in (
            ("receipt", Receipt, written(Receipt)),
            ("head", Announcement, written(Announcement)),
            ("readRequest", ReadRequest, accepted(ReadRequest)),
            ("readReply", ReadReply, written(ReadReply)),
        )
    }


def _message(
    name: str,
    text: str,
    payload: Schema,
    *,
    content_type: str = STRUCTURED,
    examples: Mapping[str, Any] | None = None,
) -> Schema:
    message: Schema = {"name": name, "summary": text, "contentType": content_type}
    if content_type == STRUCTURED:
        message["headers"] = {
            "type": "object",
            "properties": {"Content-Type": {"type": "string"}},
        }
    message["payload"] = payload
    if examples:
        message["examples"] = [
            {"name": size, "payload": example} for size, example in examples.items()
        ]
    return message


def _channel(address: str, text: str, messages: list[str]) -> Schema:
    channel: Schema = {"address": address, "description": text}
    parameters = {
        name: {"description": meaning}
        for name, meaning in _PARAMETERS.items()
        if f"{{{name}}}" in address
    }
    if parameters:
        channel["parameters"] = parameters
    channel["messages"] = {name: {"$ref": f"#/components/messages/{name}"} for name in messages}
    return channel


def _operation(action: str, channel: str, text: str) -> Schema:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}, "summary": text}
