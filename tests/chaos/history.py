"""What clients asked and what they were told: one line each, in the manner of Jepsen's histories.

An *operation* is one thing that a client wants, with a token that is nowhere else; it may be asked
several times. A history is all lines of a run, in the order in which they happened.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec

Service = Literal["ops", "eng"]
Type = Literal["invoke", "ok", "refused", "unknown"]
TOLD: Final = ("ok", "refused", "unknown")


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing asked, or one answer to it.

    Attributes:
        time: Seconds since the run began.
        process: The client.
        type: ``invoke`` is asking; the others are what was told. ``refused`` means that nothing was
            written, ``unknown`` that nobody said.
        op: The operation's number.
        f: What is wanted: the command, or ``intake-`` and the event's type.
        service: Whom the client asks.
        token: The word by which its effect is found.
        key: The Idempotency-Key, or the event's id; None for what must not be asked twice.
        status: The HTTP status, if there was one.
        said: The whole answer as text: to the same key it must be the same.
        position: Where the log had it, if told.
        version: The version of ``stream`` then, if told.
        stream: The stream that it became part of, if told.
        rule: Why it was refused, or why it is unknown.
        passes: Refused for the moment only: the same request may go well later.
    """

    time: float
    process: str
    type: Type
    op: int
    f: str
    service: Service
    token: str
    key: str | None = None
    status: int | None = None
    said: str | None = None
    position: int | None = None
    version: int | None = None
    stream: str | None = None
    rule: str | None = None
    passes: bool = False


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """All lines of one operation, in order."""

    lines: tuple[Line, ...]

    @property
    def first(self) -> Line:
        return self.lines[0]

    @property
    def answers(self) -> list[Line]:
        """What settles it: told ok, or refused for good."""
        return [each for each in self.lines if each.type in {"ok", "refused"} and not each.passes]

    @property
    def verdict(self) -> Literal["ok", "refused", "unknown"]:
        """What the client may believe in the end.

        An answer for good stands. Without one, it is refused if every time it was asked nothing
        was written, and unknown as soon as nobody said so once.
        """
        for each in self.answers:
            return "ok" if each.type == "ok" else "refused"
        asked = sum(each.type == "invoke" for each in self.lines)
        refused = sum(each.type == "refused" for each in self.lines)
        return "refused" if asked == refused else "unknown"

    @property
    def told_at(self) -> float | None:
        """When it was first told ok."""
        return next((each.time for each in self.lines if each.type == "ok"), None)


def operations(history: Sequence[Line]) -> list[Operation]:
    """The history by operation, in the order in which they were first asked."""
    found: dict[int, list[Line]] = {}
    for line in history:
        found.setdefault(line.op, []).append(line)
    return [Operation(lines=tuple(lines)) for lines in found.values()]


def write(history: Sequence[Line], path: Path) -> None:
    """One JSON object a line."""
    path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in history))


def read(path: Path) -> Iterator[Line]:
    decoder = msgspec.json.Decoder(Line)
    with path.open("rb") as file:
        for line in file:
            yield decoder.decode(line)
