"""The content modes of CloudEvents: from headers and body to attributes and data, unjudged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from shared.events import headers as header
from shared.events.findings import Findings
from shared.events.headers import BadHeader, Headers
from shared.events.intake import Fault
from shared.events.limits import EVENT_BYTES_MAX, NESTING_MAX, pruned

STRUCTURED: Final = "application/cloudevents+json"
"""The content type of one event in JSON; of intake events and of everything caselog publishes."""
TOO_DEEP: Final = f"must not be nested more than {NESTING_MAX} deep"

_FORMATS: Final = "application/cloudevents"
_BATCH: Final = "application/cloudevents-batch"
_NO_DATA: Final = b"{}"
_CHARSETS: Final = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})
_READ: Final = (
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "datacontenttype",
    "correlationid",
    "after",
)

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Unchecked:
    """The attributes that are read here, None for one found wrong already, and the data's bytes."""

    attributes: Mapping[str, str | None]
    data: bytes


def from_http(headers: Headers, body: bytes, found: Findings) -> Unchecked | None:
    """By the HTTP binding. None if it is not known what the message says, and ``found`` why."""
    types = header.values(headers, "content-type")
    given = header.attributes(headers)
    if _is_structured(types, found):
        return _structured(body, found)
    if found:
        return None
    if not given:
        found.add(
            "content-type",
            f"must be {STRUCTURED}, or the attributes be in ce- headers",
            Fault.UNREADABLE,
        )
        return None
    return _binary(types, given, body, found)


def from_bus(headers: Headers, body: bytes, found: Findings) -> Unchecked | None:
    """By the NATS binding: like HTTP, but a message with no headers of the kind is structured."""
    if not header.values(headers, "content-type") and not header.attributes(headers):
        return _structured(body, found)
    return from_http(headers, body, found)


def _is_structured(types: list[str], found: Findings) -> bool:
    if len(types) > 1:
        found.add("content-type", "must be given once", Fault.UNREADABLE)
        return False
    media, charset = _media_type(types[0] if types else "")
    if media.startswith(_BATCH):
        found.add("content-type", "batches are not read: send one event each", Fault.UNREADABLE)
    elif media.startswith(_FORMATS) and media != STRUCTURED:
        found.add("content-type", f"of these formats only {STRUCTURED} is read", Fault.UNREADABLE)
    elif media == STRUCTURED and charset not in _CHARSETS:
        found.add("content-type", "must have no charset but utf-8", Fault.UNREADABLE)
    return media == STRUCTURED and not found


def _structured(body: bytes, found: Findings) -> Unchecked | None:
    members = _members_of(body, found)
    return None if members is None else _from_members(members, found)


def _members_of(body: bytes, found: Findings) -> dict[str, msgspec.Raw] | None:
    """The members of the event. A body that is bad within is still read, for its receipt's sake."""
    try:
        body.decode()
    except UnicodeDecodeError:
        found.add("body", "must be UTF-8", Fault.UNREADABLE)
        body = body.decode(errors="replace").encode()
    try:
        try:
            return _members.decode(body)
        except RecursionError:
            found.add("body", TOO_DEEP, Fault.UNREADABLE)
            return _members.decode(pruned(body)) if len(body) <= EVENT_BYTES_MAX else None
    except msgspec.ValidationError:
        found.add("body", "must be one JSON object", Fault.UNREADABLE)
    except msgspec.DecodeError as error:
        found.add("body", f"must be JSON: {error}", Fault.UNREADABLE)
    return None


def _from_members(members: Mapping[str, msgspec.Raw], found: Findings) -> Unchecked:
    attributes: dict[str, str | None] = {}
    for name in _READ:
        if name in members and bytes(members[name]) != b"null":  # null is the same as absent
            attributes[name] = _string(members[name])
            if attributes[name] is None:
                found.add(name, "must be a string")
    _check_data_type(attributes.get("datacontenttype"), found)
    if "data_base64" in members:
        found.add("data_base64", "is not read: give the body as JSON in data")
    data = bytes(members["data"]) if "data" in members else b"null"
    return Unchecked(attributes, _NO_DATA if data == b"null" else data)


def _string(raw: msgspec.Raw) -> str | None:
    try:
        return msgspec.json.decode(raw, type=str)
    except msgspec.DecodeError:
        return None


def _binary(
    types: list[str], given: Mapping[str, list[str]], body: bytes, found: Findings
) -> Unchecked:
    attributes: dict[str, str | None] = {}
    for name in _READ:
        if name in given:
            attributes[name] = _header_value(f"{header.PREFIX}{name}", given[name], found)
    for data_type in (*types, attributes.get("datacontenttype")):
        _check_data_type(data_type, found)
    return Unchecked(attributes, body or _NO_DATA)


def _header_value(name: str, values: list[str], found: Findings) -> str | None:
    if len(values) > 1:
        found.add(name, "must be given once")
        return None
    try:
        return header.decode_value(values[0])
    except BadHeader as error:
        found.add(name, str(error))
        return None


def _check_data_type(value: str | None, found: Findings) -> None:
    if value is None:
        return
    media, charset = _media_type(value)
    is_json = media == "application/json" or media.endswith("+json")
    if not is_json or charset not in _CHARSETS:
        found.add("datacontenttype", "must be application/json, in UTF-8")


def _media_type(value: str) -> tuple[str, str]:
    """``Application/JSON; charset="UTF-8"`` → (``application/json``, ``utf-8``)."""
    media, *parameters = value.split(";")
    charset = "utf-8"
    for parameter in parameters:
        name, _, text = parameter.partition("=")
        if name.strip().lower() == "charset":
            charset = text.strip().strip('"').lower()
    return media.strip().lower(), charset
