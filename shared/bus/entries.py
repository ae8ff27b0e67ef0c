"""Is it what it seems? What arrives under an author's name is checked before it is believed."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import msgspec

from shared.eventlog.model import ENTRY_BYTES_MAX, Foreign
from shared.events import subjects
from shared.events.codec import decode_head
from shared.events.intake import Service

REASON_CHARS_MAX: Final = 300


class Author:
    """A service whose published events are received here.

    ``source`` is the CloudEvents source of what it says, ``stream`` the JetStream stream that it
    alone writes.
    """

    def __init__(self, service: Service) -> None:
        self.service: Final = service
        self.source: Final = f"/caselog/{service}"
        self.stream: Final = subjects.EVENT_STREAMS[service]


class Arrived(msgspec.Struct, frozen=True):
    """An event as it came, authentic as far as it can be told from itself."""

    log: UUID
    event: Foreign

    @property
    def sequence(self) -> int:
        return self.event.sequence


class NotAuthentic(Exception):
    """It is not an event that this author published; the message says why, without its content."""


def read_entry(author: Author, entry: bytes, subject: str | None = None) -> Arrived:
    """Reads an entry of ``author``, and checks it against the subject that it came on, if any.

    Raises NotAuthentic.
    """
    if len(entry) > ENTRY_BYTES_MAX:
        raise NotAuthentic(f"{len(entry):,} bytes; an entry has at most {ENTRY_BYTES_MAX:,}")
    if b"\n" in entry:
        raise NotAuthentic("an entry is one line")
    try:
        head = decode_head(entry)
    except msgspec.DecodeError as error:
        raise NotAuthentic(f"not an entry: {error}"[:REASON_CHARS_MAX]) from None
    if head.source != author.source:
        raise NotAuthentic(f"the source is not {author.source}")
    number = head.sequence
    if number is msgspec.UNSET or number < 1:
        raise NotAuthentic("no sequence: it was not published")
    kind = head.type.split(".")
    if len(kind) != 4 or kind[0] != "caselog" or kind[1] != author.service:
        raise NotAuthentic(f"the type is not one of {author.source}")
    try:
        own_subject = subjects.event(author.service, head.subject, kind[2])
    except subjects.NotAToken as error:
        raise NotAuthentic(f"its type or subject attribute: {error}") from None
    if subject is not None and subject != own_subject:
        raise NotAuthentic("its subject on the bus is not that of its type and subject attribute")
    return Arrived(
        head.log,
        Foreign(head.id, head.subject, head.type, head.source, head.epoch, number, entry),
    )
