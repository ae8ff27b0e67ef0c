"""The exchange of one service, whole: what it says, what it hears, and what others tell it.

Every process serves reads of the log. One of them, elected, publishes, receives and takes in. Each
part runs for ever; one that fails is started again, and what failed is said by ``status``. The
service itself never waits for any of it: without a broker it goes on, and catches up later.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final, Protocol

import msgspec

from shared.bus.dead_letters import DeadLetters
from shared.bus.election import Election
from shared.bus.endings import ended
from shared.bus.entries import Author
from shared.bus.handshake import Handshake
from shared.bus.heads import Announcer, PeerHead
from shared.bus.hello import Greeter
from shared.bus.intake import Intake, IntakeHandler, IntakeStatus
from shared.bus.peer_log import RequestedLog
from shared.bus.port import Bus
from shared.bus.presumed import Presumed
from shared.bus.receiver import Receiver, ReceiverStatus
from shared.bus.recovery import Aftermath, NoAftermath, Recovery
from shared.bus.relay import Relay, RelayStatus, new_token
from shared.bus.storing import Interpreter
from shared.eventlog.log import EventLog
from shared.eventlog.model import LogHead
from shared.events import subjects
from shared.events.intake import Service

AGAIN_S: Final = (0.2, 5.0)
"""Seconds until a part that failed is started again: at first, and at most."""
STEADY_S: Final = 2.0
"""How long a part runs until its last failure counts as over."""
FLUSH_S: Final = 2.0
"""How long stopping waits until what is committed is published."""

_logger = logging.getLogger(__name__)


class Transport(Protocol):
    """The broker as a whole: connection, what is declared there, serving reads."""

    @property
    def bus(self) -> Bus: ...

    @property
    def is_connected(self) -> bool: ...

    @property
    def trouble(self) -> str | None:
        """What is not as it should be; None if all is well."""

    async def start(self) -> None:
        """Returns when it is connected and reads are served, however long that takes."""

    async def maintain(self) -> None:
        """Keeps what is declared as it is declared, for ever."""

    async def stop(self) -> None: ...


class ExchangeStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the exchange goes, as far as this process knows.

    Attributes:
        connected: Whether there is a connection to the broker now.
        leading: Whether it is this process that publishes, receives and takes in.
        head: How far this service's log has come.
        peer_head_age: Seconds since the other service was last heard; None before it was.
        lag_out: Own published events that were not handed to the broker yet.
        lag_in: Events that the other announced and that are not held here yet.
        trouble: What failed, by part; empty if all is well.
    """

    connected: bool
    leading: bool
    head: LogHead
    peer_head_age: float | None
    lag_out: int | None
    lag_in: int | None
    relay: RelayStatus
    receiver: ReceiverStatus
    intake: IntakeStatus
    trouble: dict[str, str]


class Exchange:
    """Connects one service's log with the other service and the world.

    Args:
        service: this service.
        other: the one whose events are received.
        log: this service's log, started before and stopped after.
        transport: the broker.
        interpreter: what this service makes of the other's events.
        handler: what it makes of other systems' events.
        dead_letters: where goes what cannot be processed.
        election: which process of this service does the exchange.
        clock: the time.
        token: a few characters that nobody made before.
        aftermath: what follows, for this service, from a log that was restored.
    """

    def __init__(
        self,
        *,
        service: Service,
        other: Service,
        log: EventLog,
        transport: Transport,
        interpreter: Interpreter,
        handler: IntakeHandler,
        dead_letters: DeadLetters,
        election: Election,
        clock: Callable[[], datetime],
        token: Callable[[], str] = new_token,
        aftermath: Aftermath | None = None,
    ) -> None:
        bus = transport.bus
        own, author = Author(service), Author(other)
        self._log = log
        self._transport = transport
        self._election = election
        head = self._peer_head = PeerHead(bus, other)
        peer = RequestedLog(bus, other)
        self.relay = Relay(log, bus, service, token)
        self.recovery = Recovery(
            log=log,
            own=own,
            author=author,
            peer=peer,
            interpreter=interpreter,
            aftermath=aftermath or NoAftermath(),
            clock=clock,
        )
        self.handshake = Handshake(
            log=log,
            own=own,
            author=author,
            bus=bus,
            peer=peer,
            recovery=self.recovery,
            leads=lambda: self._leading,
        )
        self._hello = subjects.log_hello(service)
        self._peer_source = author.source
        receiver = self.receiver = Receiver(
            log=log,
            author=author,
            bus=bus,
            consumer=f"{service}-receiver",
            peer=peer,
            head=head,
            interpreter=interpreter,
            dead_letters=dead_letters,
        )
        self.intake = Intake(
            service=service,
            bus=bus,
            consumer=f"{service}-intake",
            handler=handler,
            dead_letters=dead_letters,
            clock=clock,
        )
        self.presumed = Presumed(log, peer, lambda: receiver.sequence, lambda: receiver.identity)
        self._announcer = Announcer(bus, service, lambda: log.head, self._received)
        head.on_news(self.relay.peer_said)
        head.on_news(self.handshake.heard)
        self._running: asyncio.Task[None] | None = None
        self._parts: dict[str, asyncio.Task[None]] = {}
        self._failures: dict[str, str] = {}
        self._leading = False

    async def start(self) -> None:
        """Begins, and does not wait for the broker. The log takes nothing until it was compared."""
        self.handshake.begin()
        self._running = asyncio.create_task(self._run(), name="exchange")

    async def stop(self) -> None:
        """Takes nothing more, publishes what is committed if that is quick, and disconnects."""
        for part in ("intake", "receiver"):
            await self._end(part)
        await self._flush()
        if self._running is not None:
            await ended(self._running)
        for part in list(self._parts):
            await self._end(part)
        self._leading = False
        await self.intake.close()
        await self._election.resign()
        await self._transport.stop()

    def status(self) -> ExchangeStatus:
        """Never waits, and never fails once the log is started."""
        head, relay, receiver = self._log.head, self.relay.status, self.receiver.status
        now = asyncio.get_running_loop().time()
        heard = self._peer_head.latest is not None
        trouble = dict(self._failures)
        if self._transport.trouble is not None:
            trouble["transport"] = self._transport.trouble
        for part in ("relay", "receiver", "intake"):
            error: str | None = getattr(self, part).status.last_error
            if error is not None:
                trouble[part] = error
        if self._log.read_only is not None:
            trouble["log"] = self._log.read_only
        if receiver.alarm is not None:
            trouble["receiver"] = f"{receiver.alarm.rule}: {receiver.alarm.reason}"
        return ExchangeStatus(
            connected=self._transport.is_connected,
            leading=self._leading,
            head=head,
            peer_head_age=now - self._peer_head.heard_at if heard else None,
            lag_out=None if relay.position is None else head.sequence - relay.position,
            lag_in=None
            if receiver.announced is None
            else max(0, receiver.announced - receiver.sequence),
            relay=relay,
            receiver=receiver,
            intake=self.intake.status,
            trouble=trouble,
        )

    async def _run(self) -> None:
        await self._again_and_again("connection", self._transport.start, once=True)
        self._begin("provisioning", self._transport.maintain)
        self._begin("hello", self._greet)
        self._begin("peer head", self._peer_head.run)
        self._begin("handshake", self.handshake.run)
        while True:
            await self._election.won()
            self._leading = True
            _logger.info("in charge of the exchange")
            self.handshake.look_again()
            exchanging = asyncio.create_task(self._exchange(), name="exchange-in-charge")
            try:
                await self._election.lost()
            finally:
                await ended(exchanging)
                self._leading = False

    async def _exchange(self) -> None:
        """What the process in charge does, for as long as the log is whole."""
        parts = {
            "relay": self.relay.run,
            "receiver": self.receiver.run,
            "intake": self.intake.run,
        }
        self._begin("announcer", self._announcer.run)
        try:
            while True:
                await self.handshake.until(passed=True)
                for part, run in parts.items():
                    self._begin(part, run)
                await self.handshake.until(passed=False)
                for part in parts:
                    await self._end(part)
        finally:
            for part in ("intake", "receiver", "relay", "announcer"):
                await self._end(part)

    async def _greet(self) -> None:
        """Answers the other side's hellos, for ever."""
        greeter = Greeter(
            self._log, self._peer_source, lambda: self._peer_head.latest, self.handshake.look_again
        )
        async with self._transport.bus.serve(self._hello, greeter.answer):
            await asyncio.get_running_loop().create_future()

    def _received(self) -> int:
        """How much is held of the other, as far as it was looked at."""
        return max(self.receiver.sequence, self.handshake.received)

    def _begin(self, part: str, run: Callable[[], Awaitable[None]]) -> None:
        self._parts[part] = asyncio.create_task(
            self._again_and_again(part, run), name=f"exchange-{part}"
        )

    async def _end(self, part: str) -> None:
        task = self._parts.pop(part, None)
        if task is not None:
            await ended(task)

    async def _again_and_again(
        self, part: str, run: Callable[[], Awaitable[None]], *, once: bool = False
    ) -> None:
        """Runs a part, and again whenever it fails; ``once``: until it succeeds."""
        pause = AGAIN_S[0]
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            # A part that runs for a while again has got over what failed.
            over = loop.call_later(STEADY_S, self._failures.pop, part, None)
            try:
                await run()
                if once:
                    self._failures.pop(part, None)
                    return
            except Exception as error:
                if self._failures.get(part) != repr(error):
                    _logger.exception("%s failed; it will be started again", part)
                self._failures[part] = repr(error)
            finally:
                over.cancel()
            if loop.time() - began > STEADY_S:
                pause = AGAIN_S[0]
            await asyncio.sleep(pause)
            pause = min(pause * 2, AGAIN_S[1])

    async def _flush(self) -> None:
        if not self._transport.is_connected or "relay" not in self._parts:
            return
        try:
            async with asyncio.timeout(FLUSH_S):
                await self.relay.caught_up()
        except TimeoutError:
            _logger.info("stopping with %s events unpublished", self.status().lag_out)
