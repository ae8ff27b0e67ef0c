"""Bytes and events. An entry is encoded once, here; everybody else passes the same bytes on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from shared.events.envelope import AnyRecorded, Body, Draft, Head, Recorded, Unreadable

_encoder = msgspec.json.Encoder(order="deterministic", uuid_format="canonical")
_head_decoder = msgspec.json.Decoder(Head)


class Stamp(msgspec.Struct, frozen=True, kw_only=True):
    """Where and when the author's log recorded an event.

    ``sequence`` is None on events that are not published.
    """

    source: str
    recordedtime: datetime
    log: UUID
    epoch: int
    position: int
    sequence: int | None


def encode(draft: Draft, stamp: Stamp) -> bytes:
    """The exact bytes of an event, on one line, the same for the same arguments.

    Raises ValueError for a time without an offset, which would mean another moment elsewhere.
    """
    return _encoder.encode(
        Recorded(
            specversion="1.0",
            id=draft.id,
            source=stamp.source,
            type=draft.data.TYPE,
            subject=draft.subject,
            time=_utc(draft.time),
            recordedtime=_utc(stamp.recordedtime),
            log=stamp.log,
            epoch=stamp.epoch,
            position=stamp.position,
            sequence=msgspec.UNSET if stamp.sequence is None else stamp.sequence,
            correlationid=draft.correlationid,
            causationid=draft.causationid,
            actor=draft.actor,
            data=draft.data,
        )
    )


def decode_head(entry: bytes) -> Head:
    """The attributes of an entry.

    Raises ``msgspec.DecodeError`` if it is not an event; a ``ValidationError`` names the attribute.
    """
    try:
        if not entry.isascii():
            entry.decode()  # what is skipped is not looked at otherwise, and entries travel as text
        return _head_decoder.decode(entry)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from error


class Codec:
    """Typed decoding of the event types that one service knows.

    Those are its private ones and both published languages.
    """

    def __init__(self, bodies: Iterable[type[Body]]) -> None:
        self._decoders: dict[str, msgspec.json.Decoder[AnyRecorded]] = {
            body.TYPE: msgspec.json.Decoder(Recorded[body])  # type: ignore[valid-type]
            for body in bodies
        }

    def decode(self, event_type: str, entry: bytes) -> AnyRecorded:
        """One recorded event.

        Its body is ``Unreadable`` if this version does not know the type or its shape.

        Raises ``msgspec.DecodeError`` if the entry is not an event at all.
        """
        decoder = self._decoders.get(event_type)
        if decoder is None:
            return _unreadable(entry, event_type, "unknown type")
        try:
            return decoder.decode(entry)
        except msgspec.ValidationError as error:
            return _unreadable(entry, event_type, str(error))
        except (UnicodeDecodeError, RecursionError) as error:
            raise msgspec.DecodeError(str(error)) from error


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is UTC:
        return moment
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no offset from UTC")
    return moment.astimezone(UTC)


def _unreadable(entry: bytes, event_type: str, reason: str) -> Recorded[Any]:
    head = decode_head(entry)
    attributes = {name: getattr(head, name) for name in Head.__struct_fields__}
    return Recorded(**attributes, data=Unreadable(type=event_type, reason=reason))
