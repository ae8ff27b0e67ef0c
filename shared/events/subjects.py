"""Every subject and stream name on the bus: built and read here, known nowhere else.

Namespace first, what varies last, so that ``ops.events.OPS-17.>`` is one case and
``eng.events.*.claimed`` one kind. A subject's parts are NATS tokens; to be safe everywhere they
are of letters, digits, ``_`` and ``-`` only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, TypeGuard

from shared.events.intake import Service

OPS_EVENTS: Final = "OPS_EVENTS"
ENG_EVENTS: Final = "ENG_EVENTS"
INTAKE: Final = "INTAKE"
RECEIPTS: Final = "RECEIPTS"

EVENT_STREAMS: Final[Mapping[Service, str]] = {"ops": OPS_EVENTS, "eng": ENG_EVENTS}
"""The stream that each service writes, and nobody else."""

STREAM_SUBJECTS: Final[Mapping[str, str]] = {
    OPS_EVENTS: "ops.events.>",
    ENG_EVENTS: "eng.events.>",
    INTAKE: "intake.>",
    RECEIPTS: "receipts.>",
}
"""Each JetStream stream and the subjects it takes."""

TOKEN_CHARS_MAX: Final = 128
TOKEN: Final = rf"[A-Za-z0-9_-]{{1,{TOKEN_CHARS_MAX}}}"
"""The pattern of one part of a subject; also that of the ``id`` of an intake event."""
ANY: Final = "*"
"""Stands for any one part in a filter."""

_TOKEN: Final = re.compile(TOKEN)


class NotAToken(ValueError):
    """A part of a subject would break it, or reach beyond it: a dot, a space, a wildcard."""

    def __init__(self, part: str) -> None:
        super().__init__(f"{part[:TOKEN_CHARS_MAX]!r} cannot be part of a subject")
        self.part = part


class EventSubject(NamedTuple):
    """``<service>.events.<key>.<type>``; ``type`` is the short name (``team-assigned``)."""

    service: Service
    key: str
    type: str


class IntakeSubject(NamedTuple):
    """``intake.<service>.<system>.<type>``."""

    service: Service
    system: str
    type: str


class ReceiptSubject(NamedTuple):
    """``receipts.<system>.<id>``."""

    system: str
    id: str


def is_token(text: str) -> bool:
    """Whether the text can be one part of a subject."""
    return _TOKEN.fullmatch(text) is not None


def event(service: Service, key: str, event_type: str) -> str:
    """Where ``service`` publishes an event. ``key`` is the ops key, or the team key of a team.

    Raises NotAToken.
    """
    return _joined(service, "events", _token(key), _token(event_type))


def events(service: Service, *, key: str = ANY, event_type: str = ANY) -> str:
    """A filter: what ``service`` publishes, about one key or any, of one type or any.

    Raises NotAToken.
    """
    return _joined(service, "events", _token_or_any(key), _token_or_any(event_type))


def intake(service: Service, system: str, event_type: str) -> str:
    """Where another system publishes an event to ``service``. Raises NotAToken."""
    return _joined("intake", service, _token(system), _token(event_type))


def intake_of(service: Service) -> str:
    """A filter: all that is published to ``service``, well-formed subject or not."""
    return _joined("intake", service, ">")


def receipt(system: str, event_id: str) -> str:
    """Where the receipt of a system's event is published. Raises NotAToken."""
    return _joined("receipts", _token(system), _token(event_id))


def receipts(system: str) -> str:
    """A filter: all receipts of one system. Raises NotAToken."""
    return _joined("receipts", _token(system), ANY)


def head(service: Service) -> str:
    """Where ``service`` says once a second how far its log has come (core NATS)."""
    return _joined(service, "head")


def log_read(service: Service) -> str:
    """Where the log of ``service`` is read by request."""
    return _joined("log", service, "read")


def log_hello(service: Service) -> str:
    """Where the other service compares logs with ``service`` by request."""
    return _joined("log", service, "hello")


def parse_event(subject: str) -> EventSubject | None:
    """What an event's subject says; None if it is not one."""
    match _parts(subject):
        case [service, "events", key, event_type] if _is_service(service):
            return EventSubject(service, key, event_type)
        case _:
            return None


def parse_intake(subject: str) -> IntakeSubject | None:
    """What an intake subject says; None if it is not one."""
    match _parts(subject):
        case ["intake", service, system, event_type] if _is_service(service):
            return IntakeSubject(service, system, event_type)
        case _:
            return None


def intake_system(subject: str) -> str | None:
    """The system whose subject it is, also of an intake subject of another shape."""
    match subject.split("."):
        case ["intake", _, system, *_] if is_token(system):
            return system
        case _:
            return None


def parse_receipt(subject: str) -> ReceiptSubject | None:
    """What a receipt's subject says; None if it is not one."""
    match _parts(subject):
        case ["receipts", system, event_id]:
            return ReceiptSubject(system, event_id)
        case _:
            return None


def _joined(*parts: str) -> str:
    return ".".join(parts)


def _parts(subject: str) -> list[str]:
    """The parts of a subject; none at all if one of them is not a token."""
    parts = subject.split(".")
    return parts if all(map(is_token, parts)) else []


def _token(part: str) -> str:
    if not is_token(part):
        raise NotAToken(part)
    return part


def _token_or_any(part: str) -> str:
    return part if part == ANY else _token(part)


def _is_service(part: str) -> TypeGuard[Literal["ops", "eng"]]:
    return part in EVENT_STREAMS
