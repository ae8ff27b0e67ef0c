"""What two logs say about each other: pure. Heads in, a verdict out.

A service that lost the end of its log cannot see it by itself: what is left is in order. The other
one knows, which holds what was published; and so does this one's own stream.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from msgspec import Struct

from shared.eventlog.model import LogHead


class Said(Struct, frozen=True):
    """A published event, by its number and the hash of its bytes."""

    log: UUID
    epoch: int
    sequence: int
    leaf: bytes


class Ours(Struct, frozen=True):
    """What this log has, read after the others had answered: so nobody holds what is newer.

    ``said`` has, by sequence, those of its published events that the others speak of.
    """

    head: LogHead
    said: Mapping[int, Said] = {}


class Theirs(Struct, frozen=True):
    """What the other side knows of this log.

    Attributes:
        holds: The last event that it holds; None if it holds none.
        at_our_end: Of what it holds, the one with the number of this log's last when it was
            asked; None if it does not reach that far.
        heard: The position that it last heard this log announce in this epoch; 0 if none.
    """

    holds: Said | None = None
    at_our_end: Said | None = None
    heard: int = 0


class InStep(Struct, frozen=True):
    """Nobody knows more of this log than it does itself."""


class Restored(Struct, frozen=True):
    """This log lost its end.

    Attributes:
        held: The other side holds it up to this sequence, and can give it back.
        said: At least up to this sequence it was published.
    """

    held: int
    said: int


class Diverged(Struct, frozen=True):
    """There are two histories of this log; nothing can put them together."""

    reason: str


class Unknown(Struct, frozen=True):
    """Nobody can be asked who would know."""

    reason: str


Verdict = InStep | Restored | Diverged | Unknown


def compare(ours: Ours, theirs: Theirs | None, stream: Said | None) -> Verdict:
    """What follows from what is known of this log elsewhere.

    Args:
        ours: This log.
        theirs: What the other side knows; None if it cannot be asked.
        stream: The last event in this service's own stream; None if there is none.
    """
    end = ours.head.sequence
    if stream is not None and _is_past(ours, stream):
        stream = None
    if theirs is None:
        return _without_them(ours, stream)
    found = _their_view(ours, theirs)
    if found is not None:
        return found
    if stream is not None and (odd := _contradicts(ours, stream, "its own stream")) is not None:
        return odd
    held = 0 if theirs.holds is None else theirs.holds.sequence
    said = max(held, 0 if stream is None else stream.sequence)
    if said > end or theirs.heard > ours.head.position:
        return Restored(max(held, end), max(said, end))
    return InStep()


def _is_past(ours: Ours, stream: Said) -> bool:
    """Whether the stream ends with what says nothing of this log.

    Events of another log that was here before; or of an epoch that ended before them, which were
    lost and count no more.
    """
    known = ours.said.get(stream.sequence)
    later = ours.head.epoch if known is None else known.epoch
    return stream.log != ours.head.log or stream.epoch < later


def _without_them(ours: Ours, stream: Said | None) -> Verdict:
    if stream is None:
        if ours.head.sequence == 0:
            return InStep()  # nothing was ever published: a log that begins
        return Unknown("the other service cannot be asked, and the stream tells nothing")
    if (odd := _contradicts(ours, stream, "its own stream")) is not None:
        return odd
    if stream.sequence > ours.head.sequence:
        return Unknown(
            f"published up to {stream.sequence}, recorded up to {ours.head.sequence}: "
            "the log was restored, and the other service cannot be asked for the rest"
        )
    return InStep()


def _their_view(ours: Ours, theirs: Theirs) -> Diverged | None:
    holds, end = theirs.holds, ours.head.sequence
    if holds is None:
        return None
    if holds.log != ours.head.log:
        return Diverged(f"the other service holds events of log {holds.log}")
    if holds.sequence <= end:
        return _contradicts(ours, holds, "the other service")
    at_end = theirs.at_our_end
    known = None if at_end is None else ours.said.get(at_end.sequence)
    if end and (at_end is None or known is None or at_end.leaf != known.leaf):
        return Diverged(
            f"the other service holds {holds.sequence} events, and another one as event {end}: "
            "the log was restored and went on before it was compared"
        )
    return None


def _contradicts(ours: Ours, said: Said, where: str) -> Diverged | None:
    """Whether what is elsewhere cannot be what this log said under that number."""
    known = ours.said.get(said.sequence)
    if known is None or known.leaf == said.leaf:
        return None
    return Diverged(f"{where} holds another event {said.sequence} than this log")
