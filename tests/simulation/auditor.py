"""Watches both logs from outside, and says which invariant breaks, when it breaks.

It sees every commit of either database, what is announced, what clients asked and were told. What
it expects is in ``model`` and in here; it knows no rule from the services' code.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import msgspec

from shared.bus.port import Message
from shared.bus.relay import RelayStatus
from shared.eventlog.model import Row
from shared.eventlog.port import Group
from shared.events import subjects
from shared.events.intake import Service
from tests.simulation.model import Case, Wrong
from tests.simulation.weather import OTHER


class Violation(AssertionError):
    """An invariant is broken; ``check`` is its name."""

    def __init__(self, check: str, detail: str) -> None:
        super().__init__(f"{check}: {detail}")
        self.check = check


class Entry(msgspec.Struct):
    """An entry as anyone can read it."""

    id: str
    source: str
    type: str
    subject: str
    log: str
    epoch: int
    position: int
    causationid: str
    data: dict[str, Any]
    sequence: int = 0

    @property
    def name(self) -> str:
        """``ops.team-assigned``."""
        _, service, name, _ = self.type.split(".")
        return f"{service}.{name}"


_decode = msgspec.json.Decoder(Entry).decode


class Ledger:
    """What one service's log must be, kept apart from it."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.source = f"/caselog/{service}"
        self.rows: list[Row] = []
        self.published: list[Row] = []
        self.received: list[Row] = []
        self.versions: defaultdict[str, int] = defaultdict(int)
        self.ids: set[str] = set()
        self.by_cause: defaultdict[str, list[list[Row]]] = defaultdict(list)
        """The appends that an own event's cause led to, each with its rows."""
        self.handed_over: set[int] = set()
        """Sequences that the broker has stored at any time."""
        self.stored = 0
        """Messages that it has stored, the same event again included."""
        self.is_filled_upto = 0


class Auditor:
    """``found`` is the first violation; it is raised where the world looks."""

    def __init__(self) -> None:
        self.ledgers: dict[Service, Ledger] = {"ops": Ledger("ops"), "eng": Ledger("eng")}
        self.cases: defaultdict[str, Case] = defaultdict(Case)
        self.found: Violation | None = None

    def committed(self, service: Service, group: Group) -> None:
        """A group is in the log."""
        start = 0
        try:
            for end in group.ends:
                self._append(self.ledgers[service], group.rows[start:end])
                start = end
        except Violation as violation:
            self.found = self.found or violation

    def restored(self, service: Service, rows: Sequence[Row]) -> None:
        """A database is what it was some time ago: what came since is in no log."""
        before, ledger = self.ledgers[service], Ledger(service)
        ledger.handed_over, ledger.stored = before.handed_over, before.stored
        ledger.is_filled_upto = before.is_filled_upto
        self.ledgers[service] = ledger
        if service == "ops":
            self.cases.clear()
        try:
            self._append(ledger, rows)
        except Violation as violation:
            self.found = self.found or violation

    def announced(self, service: Service, body: bytes) -> None:
        """A service says how far it is, and how far it has come with the other (I2, I4)."""
        head = msgspec.json.decode(body)
        own, other = self.ledgers[service], OTHER[service]
        if head["position"] > len(own.rows) or head["sequence"] > len(own.published):
            self._say("I2 head", f"{service} announces {head}, its log has {len(own.rows)}")
        if head["received"] > len(own.received):
            held = len(own.received)
            self._say(
                "I4 delivered", f"{service} says it holds {head['received']} of {other}: {held}"
            )

    def stored(self, stream: str, message: Message) -> None:
        """The broker has a message; the relay names it by its sequence."""
        for ledger in self.ledgers.values():
            if subjects.EVENT_STREAMS[ledger.service] == stream:
                sequence = int(message.body.split(b'"sequence":')[1].split(b",")[0])
                ledger.stored += 1
                ledger.handed_over.add(sequence)

    def relayed(self, service: Service, relay: RelayStatus) -> None:
        """What a relay says that it has handed over, and sent again, the broker had (I5)."""
        ledger = self.ledgers[service]
        for sequence in range(ledger.is_filled_upto + 1, (relay.position or 0) + 1):
            if sequence not in ledger.handed_over:
                self._say("relay", f"{service} has not handed over {sequence} of {relay.position}")
            ledger.is_filled_upto = sequence
        taken = relay.published - relay.duplicates + relay.resent
        if taken > ledger.stored:
            self._say("relay", f"{service} counts {taken} taken; the broker took {ledger.stored}")

    def _say(self, check: str, detail: str) -> None:
        self.found = self.found or Violation(check, detail)

    # --- the logs -----------------------------------------------------------------------------

    def _append(self, ledger: Ledger, rows: Sequence[Row]) -> None:
        touched: set[str] = set()
        own: dict[str, list[Row]] = {}
        for row in rows:
            entry = _decode(row.entry)
            self._is_dense(ledger, row)
            if row.source == ledger.source:
                self._is_own(ledger, row, entry)
                own.setdefault(entry.causationid, []).append(row)
            else:
                self._is_foreign(ledger, row)
            ledger.rows.append(row)
            ledger.versions[row.stream] = row.version
            if ledger.service == "ops" and row.stream.startswith("OPS-"):
                self._hear(row, entry)
                touched.add(row.stream)
        for cause, caused in own.items():
            ledger.by_cause[cause].append(caused)
        for stream in touched:
            case = self.cases[stream]
            if case.status != case.stated:
                raise Violation(
                    "I6 status", f"{stream} is {case.status}, its log states {case.stated}"
                )

    def _is_dense(self, ledger: Ledger, row: Row) -> None:
        """I2: positions and versions without a hole, and time that does not go back."""
        expected = (len(ledger.rows) + 1, ledger.versions[row.stream] + 1)
        if (row.position, row.version) != expected:
            raise Violation(
                "I2 dense", f"{ledger.service} {row.position}/{row.version}: {expected}"
            )
        if ledger.rows and row.recorded_at < ledger.rows[-1].recorded_at:
            raise Violation(
                "I2 time", f"{ledger.service} {row.position} was recorded before its last"
            )
        if row.leaf != sha256(b"\0" + row.entry).digest():
            raise Violation(
                "I3 bytes", f"{ledger.service} {row.position}: not the hash of its bytes"
            )

    def _is_own(self, ledger: Ledger, row: Row, entry: Entry) -> None:
        """I2, I3: what the bytes say is what the row says; published ones are numbered 1, 2, 3."""
        said = (entry.position, entry.sequence, entry.subject, entry.type, entry.id)
        if said != (row.position, row.sequence or 0, row.stream, row.type, str(row.id)):
            raise Violation("I3 bytes", f"{ledger.service} {row.position}: its bytes say {said}")
        if entry.id in ledger.ids:
            raise Violation("once", f"{ledger.service} {row.position} repeats the id {entry.id}")
        ledger.ids.add(entry.id)
        if row.sequence is not None:
            if row.sequence != len(ledger.published) + 1:
                raise Violation("I2 sequence", f"{ledger.service} {row.sequence} at {row.position}")
            ledger.published.append(row)

    def _is_foreign(self, ledger: Ledger, row: Row) -> None:
        """I3, I5: exactly the author's next published event, the same bytes."""
        author = self.ledgers[OTHER[ledger.service]]
        number = len(ledger.received) + 1
        if row.sequence != number:
            raise Violation("I5 hole", f"{ledger.service} stores {row.sequence}, next is {number}")
        if number > len(author.published) or author.published[number - 1].entry != row.entry:
            raise Violation("I3 bytes", f"{ledger.service} stores {number}: not what was published")
        ledger.received.append(row)

    def _hear(self, row: Row, entry: Entry) -> None:
        try:
            self.cases[row.stream].hear(entry.name, entry.data)
        except Wrong as wrong:
            raise Violation("domain", f"{row.stream} at {row.position}: {wrong}") from wrong
