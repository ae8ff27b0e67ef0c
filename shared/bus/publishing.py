"""Publishing to JetStream: many messages at the price of one, and an answer within bounds.

An atomic batch is synced once by the server, single messages once each; but a batch costs some
milliseconds of its own. Both wait for their answers on one shared inbox, always for a bounded time:
the client's own ``publish_async`` never resolves when the server answers with an error.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from shared.bus.port import (
    MESSAGES_MAX,
    BusRefused,
    BusUnavailable,
    Message,
    StreamMissing,
)
from shared.bus.wire import frame, write

ATOMIC_FROM: Final = 16
"""Messages from which on an atomic batch is quicker than single messages that are synced each."""
ANSWER_S: Final = 5.0
"""How long the server's answers to one ``publish`` are waited for."""
UNSUPPORTED_S: Final = 60.0
"""How long a server that refused atomic batches is not asked again."""

_BATCH_ID: Final = "Nats-Batch-Id"
_BATCH_SEQUENCE: Final = "Nats-Batch-Sequence"
_BATCH_COMMIT: Final = "Nats-Batch-Commit"
_NO_RESPONDERS: Final = "503"
_ATOMIC_DISABLED: Final = 10174


class _Error(msgspec.Struct):
    code: int = 0
    err_code: int = 0
    description: str = ""


class _Answer(msgspec.Struct):
    """The server's answer to one message, or to a whole batch (``count`` messages)."""

    stream: str = ""
    duplicate: bool = False
    count: int = 0
    error: _Error | None = None


_answer_decoder: Final = msgspec.json.Decoder(_Answer)


class _Waiting:
    """Answers that one call waits for."""

    __slots__ = ("answers", "done", "missing")

    def __init__(self, count: int) -> None:
        self.missing = count
        self.answers: list[_Answer | None] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def take(self, answer: _Answer | None) -> None:
        self.answers.append(answer)
        self.missing -= 1
        if not self.missing and not self.done.done():
            self.done.set_result(None)


class Publisher:
    """Publishes over one connection; calls may overlap.

    Args:
        connection: gives the connection to use now. Raises BusUnavailable.
        atomic_from: messages from which on an atomic batch is tried.
        answer_s: seconds until a publication's outcome counts as unknown.
    """

    def __init__(
        self,
        connection: Callable[[], Client],
        *,
        atomic_from: int = ATOMIC_FROM,
        answer_s: float = ANSWER_S,
    ) -> None:
        self._connection = connection
        self._atomic_from = atomic_from
        self._answer_s = answer_s
        self._tokens = itertools.count()
        self._batches = itertools.count()
        self._name = secrets.token_hex(8)
        self._waiting: dict[str, _Waiting] = {}
        self._inbox: str | None = None
        self._subscribed: Subscription | None = None
        self._subscribing = asyncio.Lock()
        self._atomic_again_at = 0.0
        self.fallbacks = 0
        """Batches that were refused and sent as single messages instead."""

    async def publish(self, stream: str, messages: Sequence[Message]) -> int:
        """As ``Bus.publish``."""
        if len(messages) > MESSAGES_MAX:
            raise ValueError(f"{len(messages)} messages at once; the limit is {MESSAGES_MAX}")
        if not messages:
            return 0
        try:
            await self._ready()
            if len(messages) >= self._atomic_from and self._atomic_works():
                if await self._publish_atomic(stream, messages):
                    return 0
                self.fallbacks += 1
            return await self._publish_singly(stream, messages)
        except TimeoutError:
            raise BusUnavailable(f"no answer from {stream} in {self._answer_s} s") from None
        except nats.errors.MaxPayloadError:
            raise BusRefused("a message is larger than the server takes") from None
        except (nats.errors.Error, OSError) as error:
            raise BusUnavailable(repr(error)) from error

    def lost(self) -> None:
        """The connection is gone: nobody will answer what was published on it."""
        for waiting in set(self._waiting.values()):
            if not waiting.done.done():
                waiting.done.set_exception(BusUnavailable("the connection was lost"))

    def _atomic_works(self) -> bool:
        return asyncio.get_running_loop().time() >= self._atomic_again_at

    async def _publish_atomic(self, stream: str, messages: Sequence[Message]) -> bool:
        """Whether all are stored; if not, none is."""
        connection = self._connection()
        batch = f"{self._name}{next(self._batches)}"
        await write(
            connection,
            [
                frame(message, f"{_BATCH_ID}: {batch}\r\n{_BATCH_SEQUENCE}: {number}\r\n")
                for number, message in enumerate(messages[:-1], 1)
            ],
        )
        last = messages[-1]
        commit = {_BATCH_ID: batch, _BATCH_SEQUENCE: str(len(messages)), _BATCH_COMMIT: "1"}
        waiting = _Waiting(1)
        token = self._expect(waiting)
        try:
            await connection.publish(
                last.subject, last.body, f"{self._inbox}.{token}", {**last.headers, **commit}
            )
            await self._answered(waiting)
        finally:
            self._waiting.pop(token, None)
        answer = waiting.answers[0]
        if answer is None:
            raise StreamMissing(f"no stream takes {last.subject}")
        if answer.error is None and answer.stream == stream and answer.count == len(messages):
            return True
        if answer.error is not None and answer.error.err_code == _ATOMIC_DISABLED:
            self._atomic_again_at = asyncio.get_running_loop().time() + UNSUPPORTED_S
        return False

    async def _publish_singly(self, stream: str, messages: Sequence[Message]) -> int:
        connection = self._connection()
        waiting = _Waiting(len(messages))
        tokens: list[str] = []
        try:
            for message in messages:
                tokens.append(token := self._expect(waiting))
                await connection.publish(
                    message.subject, message.body, f"{self._inbox}.{token}", dict(message.headers)
                )
            await self._answered(waiting)
        finally:
            for token in tokens:
                self._waiting.pop(token, None)
        for answer in waiting.answers:
            if answer is None:
                raise StreamMissing(f"no stream takes {messages[0].subject}")
            _check(stream, answer)
        return sum(answer.duplicate for answer in waiting.answers if answer is not None)

    def _expect(self, waiting: _Waiting) -> str:
        token = str(next(self._tokens))
        self._waiting[token] = waiting
        return token

    async def _answered(self, waiting: _Waiting) -> None:
        async with asyncio.timeout(self._answer_s):
            await waiting.done

    async def _ready(self) -> None:
        """The inbox is subscribed to; the client renews that when it reconnects."""
        connection = self._connection()
        async with self._subscribing:
            if self._subscribed is None or self._subscribed._conn is not connection:  # noqa: SLF001
                self._inbox = connection.new_inbox()
                self._subscribed = await connection.subscribe(f"{self._inbox}.*", cb=self._heard)

    async def _heard(self, message: Msg) -> None:
        waiting = self._waiting.pop(message.subject.rpartition(".")[2], None)
        if waiting is None:
            return
        if message.headers and message.headers.get("Status") == _NO_RESPONDERS:
            waiting.take(None)
            return
        try:
            waiting.take(_answer_decoder.decode(message.data))
        except msgspec.DecodeError:
            waiting.take(_Answer(error=_Error(description="an answer that cannot be read")))


def _check(stream: str, answer: _Answer) -> None:
    if answer.error is None:
        if answer.stream != stream:
            raise BusRefused(f"{answer.stream!r} took what is meant for {stream}")
        return
    text = f"{stream}: {answer.error.description} ({answer.error.err_code})"
    if answer.error.code in {500, 503}:
        raise BusUnavailable(text)
    raise BusRefused(text)
