"""The exchange in one direction, as a system of states and steps.

An **author** commits events to its log; a relay publishes them to a **stream**; a **receiver**
takes them into its own log, acknowledges, and heals holes from the author's log. Any process may
crash between any two steps, the stream may lose, double, reorder and forget everything, and either
database may be put back to any earlier moment.

The other direction is the same with the names exchanged. The two share nothing but their two
databases, so that one restore is an author's in one direction and a receiver's in the other: here
it is a choice of side.

An event is a letter: the model knows contents only as same or other. What the author calls it is
its number, the pair (epoch, sequence). Asking the other side is one step, as an answer that comes
too late is thrown away by whoever asked. Waiting is left out: whatever may happen in the end may
happen at once.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Number = tuple[int, int]
"""(epoch, sequence): what an event is called."""

LETTERS = "abcdefgh"


class Protocol(NamedTuple):
    """What the parties do. As it stands it is right; each switch turned is a mistake or a lack.

    Attributes:
        heads: The author announces how far its log is, and the receiver asks for what is missing.
        resend: The relay sends again what the receiver does not confirm.
        fresh_ids: It does so under ids that the broker does not know yet.
        keeps_cursor: The relay's position survives a crash, instead of being read off the stream.
        cursor_first: The relay moves its position on, and publishes then.
        ack_first: The receiver acknowledges, and commits then.
        density: The receiver takes only the next in sequence.
        dedupes: The receiver compares what it was sent with what it holds.
        evidence: How a restored author knows that it was: it is told, or it sees that the receiver
            holds more than it does, or that, or that the stream does.
        read_only: A restored author takes no commands before it has its events back.
        recovers: A restored author takes back from the receiver what it lost.
        bumps: A restored author begins a new epoch.
        fresh_epochs: That epoch was never used before, whatever the author has forgotten; else it
            is the next one after the last that the author knows of.
        fences: The receiver takes nothing of an author that recovers.
        drains: An author that recovers waits until the receiver has taken all that waits for it.
    """

    heads: bool = True
    resend: bool = True
    fresh_ids: bool = True
    keeps_cursor: bool = False
    cursor_first: bool = False
    ack_first: bool = False
    density: bool = True
    dedupes: bool = True
    evidence: Literal["told", "held", "held or published"] = "told"
    read_only: bool = True
    recovers: bool = True
    bumps: bool = True
    fresh_epochs: bool = True
    fences: bool = True
    drains: bool = False


class Budget(NamedTuple):
    """How much may still happen to the system from outside. All but ``events`` are faults."""

    events: int = 0
    crashes: int = 0
    losses: int = 0
    wipes: int = 0
    duplicates: int = 0
    restores: int = 0


class Message(NamedTuple):
    """What the stream holds; once acknowledged, it is not delivered any more."""

    number: Number
    event: str
    acked: bool = False

    @property
    def row(self) -> Row:
        return self.number, self.event


Row = tuple[Number, str]


class State(NamedTuple):
    """All there is to know. What a crash takes is marked *volatile*.

    Attributes:
        log: The author's published events, in order.
        epoch: The author's.
        restored: The author was put back and is not through with it. Durable: restoring sets it.
        lost: It knows that it was. Durable.
        author_up: The author's process runs.
        asked: The restored author said hello, and was answered. Volatile.
        cursor: Up to where the relay has published; None before it has looked. Volatile.
        sending: What the relay has counted as published and not yet sent. Volatile.
        stream: The messages that the broker holds.
        ids: What the broker takes for duplicates, whether it holds them or not.
        held: What the receiver's log holds of the author, in order.
        receiver_up: The receiver's process runs.
        known: The epoch that the author told the receiver; None before it did. Volatile.
        hand: The message being worked on, and whether it is still to be taken. Volatile.
        overdue: An announcement told of more than is held. Volatile.
        alarm: Two events under one number were seen: nothing more is taken.
        epochs: The last epoch that any author of this log has begun.
        ever: The number under which each event was first committed. Nobody can read this.
        left: What may still happen.
    """

    log: tuple[Row, ...] = ()
    epoch: int = 1
    restored: bool = False
    lost: bool = False
    author_up: bool = True
    asked: bool = False
    cursor: int | None = None
    sending: Row | None = None
    stream: tuple[Message, ...] = ()
    ids: frozenset[Number] = frozenset()
    held: tuple[Row, ...] = ()
    receiver_up: bool = True
    known: int | None = None
    hand: tuple[Message, bool] | None = None
    overdue: bool = False
    alarm: bool = False
    epochs: int = 1
    ever: tuple[Number, ...] = ()
    left: Budget = Budget()

    @property
    def is_open(self) -> bool:
        """The author works, and answers questions about its log."""
        return self.author_up and not self.restored


Kind = Literal["step", "command", "fault"]


class Step(NamedTuple):
    """One thing that may happen: what the system does itself, a command from outside, a fault."""

    kind: Kind
    says: str
    to: State


def start(budget: Budget) -> State:
    return State(left=budget)


def is_complete(state: State) -> bool:
    """Everything that the author's log holds was delivered, and everybody is well."""
    return state.is_open and state.receiver_up and not state.alarm and state.held == state.log


def named(row: Row) -> str:
    """An event as traces have it."""
    (epoch, sequence), event = row
    return f"{event} as ({epoch},{sequence})"
