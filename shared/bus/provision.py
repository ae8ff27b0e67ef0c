"""Streams and consumers, declared in code and made again whenever they are gone.

A stream is a cache, so making it again loses nothing. What somebody changed is put back, as far as
the server allows; fields that are not declared here stay as they are. That is why this speaks the
server's JSON itself: the client's structs drop what they do not know, and an update replaces all.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
import nats.errors
from nats.aio.client import Client

from shared.bus.port import BusError, BusRefused, BusUnavailable, StreamMissing
from shared.eventlog.model import ENTRY_BYTES_MAX
from shared.events import subjects
from shared.events.intake import Service

API: Final = "$JS.API"
API_S: Final = 2.0
EVERY_S: Final = 10.0
"""How often what is there is compared with what is declared."""
AGAIN_S: Final = 1.0
"""The same while that fails: what is said of it shall not be long out of date."""
KEPT_S: Final = 7 * 24 * 3600
DUPLICATES_S: Final = 120
ACK_WAIT_S: Final = 30.0
ACK_PENDING_MAX: Final = 2_000
HEADER_BYTES_MAX: Final = 4 * 1024
STREAM_BYTES_MAX: Final = 1024**3

_NANOSECONDS: Final = 1_000_000_000
_NOT_FOUND: Final = 404
_UNAVAILABLE: Final = 503

_logger = logging.getLogger(__name__)

Config = Mapping[str, Any]


class ApiError(msgspec.Struct, frozen=True):
    """The server's refusal."""

    code: int = 0
    err_code: int = 0
    description: str = ""


class ApiAnswer(msgspec.Struct, frozen=True):
    """The server's answer as it came, and the refusal in it, if it is one."""

    body: bytes
    error: ApiError | None


class _Refusal(msgspec.Struct):
    error: ApiError | None = None


class _Info(msgspec.Struct):
    config: dict[str, Any]
    created: str = ""


async def ask_api(connection: Client, subject: str, request: Config | None = None) -> ApiAnswer:
    """One call of JetStream's API. Raises BusUnavailable."""
    body = b"" if request is None else msgspec.json.encode(request)
    try:
        answer = await connection.request(subject, body, timeout=API_S)
        error = msgspec.json.decode(answer.data, type=_Refusal).error
    except (nats.errors.Error, OSError, msgspec.DecodeError) as failure:
        raise BusUnavailable(f"{subject}: {failure!r}") from failure
    return ApiAnswer(answer.data, error)


def stream_config(
    stream: str, *, replicas: int = 1, max_bytes: int = STREAM_BYTES_MAX
) -> dict[str, Any]:
    """A stream as it must be."""
    config: dict[str, Any] = {
        "name": stream,
        "subjects": [subjects.STREAM_SUBJECTS[stream]],
        "retention": "limits",
        "storage": "file",
        "discard": "old",
        "max_age": KEPT_S * _NANOSECONDS,
        "max_bytes": max_bytes,
        "duplicate_window": DUPLICATES_S * _NANOSECONDS,
        "num_replicas": replicas,
        "allow_direct": True,
        "allow_atomic": True,
    }
    if stream in subjects.EVENT_STREAMS.values():
        # Nobody takes a message out of it; whoever must, drops the stream, which heals.
        config |= {
            "deny_delete": True,
            "deny_purge": True,
            "max_msg_size": ENTRY_BYTES_MAX + HEADER_BYTES_MAX,
        }
    if stream == subjects.INTAKE:
        # The only copy until it is recorded: better refuse the next than forget the first.
        config["discard"] = "new"
    return config


def receiver_name(service: Service) -> str:
    """The durable consumer by which ``service`` receives the other's events."""
    return f"{service}-receiver"


def intake_name(service: Service) -> str:
    """The durable consumer by which ``service`` takes what other systems publish."""
    return f"{service}-intake"


def receiver_config(service: Service, ack_wait: float = ACK_WAIT_S) -> dict[str, Any]:
    """Acknowledged once per batch: the last stands for all before it."""
    return _consumer_config(receiver_name(service), ack_wait) | {"ack_policy": "all"}


def intake_config(service: Service, ack_wait: float = ACK_WAIT_S) -> dict[str, Any]:
    """Acknowledged one by one, as each has its outcome."""
    return _consumer_config(intake_name(service), ack_wait) | {
        "ack_policy": "explicit",
        "filter_subject": subjects.intake_of(service),
    }


def _consumer_config(name: str, ack_wait: float) -> dict[str, Any]:
    return {
        "name": name,
        "durable_name": name,
        "deliver_policy": "all",
        "replay_policy": "instant",
        "ack_wait": int(ack_wait * _NANOSECONDS),
        "max_ack_pending": ACK_PENDING_MAX,
        "max_deliver": -1,
    }


class Provisioner:
    """Keeps what one service needs on the server as it is declared.

    Its own event stream, ``INTAKE`` and ``RECEIPTS`` are made here; the other's event stream is the
    other's to make, and its absence is nothing to complain about: that service has not started yet.

    Args:
        connection: gives the connection to use now. Raises BusUnavailable.
        service: whose streams and consumers.
        other: the service whose events are received.
        replicas: copies of each stream in a cluster.
        max_bytes: size of each stream.
        ack_wait: seconds until what is not acknowledged is delivered again.
    """

    def __init__(
        self,
        connection: Callable[[], Client],
        *,
        service: Service,
        other: Service,
        replicas: int = 1,
        max_bytes: int = STREAM_BYTES_MAX,
        ack_wait: float = ACK_WAIT_S,
    ) -> None:
        self._connection = connection
        own = (subjects.EVENT_STREAMS[service], subjects.INTAKE, subjects.RECEIPTS)
        self._streams = {
            stream: stream_config(stream, replicas=replicas, max_bytes=max_bytes) for stream in own
        }
        receiving = (subjects.EVENT_STREAMS[other], receiver_name(service))
        taking_in = (subjects.INTAKE, intake_name(service))
        self._consumers: dict[tuple[str, str], Config] = {
            receiving: receiver_config(service, ack_wait),
            taking_in: intake_config(service, ack_wait),
        }
        self._busy = asyncio.Lock()
        self._created: dict[str, str] = {}
        self.remade = 0
        """Own streams that were found missing, or to be others than before."""
        self.drift: dict[str, str] = {}
        """What cannot be put right by itself, by name."""
        self.last_error: str | None = None

    async def run(self) -> None:
        """Looks now and then, for ever."""
        while True:
            try:
                await self.ensure()
            except BusError as error:
                self.last_error = str(error)
                _logger.debug("provisioning: %s", error)
            await asyncio.sleep(EVERY_S if self.last_error is None else AGAIN_S)

    async def ensure(self) -> None:
        """Makes what is missing, corrects what differs.

        Raises BusUnavailable, BusRefused.
        """
        async with self._busy:
            for stream in self._streams:
                await self._ensure_stream(stream)
            for stream, consumer in self._consumers:
                try:
                    await self._ensure_consumer(stream, consumer)
                except StreamMissing:
                    if stream in self._streams:
                        raise
            self.last_error = None

    async def restore_stream(self, stream: str) -> None:
        """One stream, if it is ours to make. Raises as ``ensure``."""
        if stream in self._streams:
            async with self._busy:
                await self._ensure_stream(stream)

    async def restore(self, stream: str, consumer: str) -> None:
        """One consumer, and its stream if that is ours to make.

        Raises as ``ensure``; StreamMissing if the other has not made its stream.
        """
        async with self._busy:
            if stream in self._streams:
                await self._ensure_stream(stream)
            await self._ensure_consumer(stream, consumer)

    async def _ensure_stream(self, stream: str) -> None:
        declared = self._streams[stream]
        found = await self._info(f"STREAM.INFO.{stream}")
        if found is None:
            made = await self._ask(f"STREAM.CREATE.{stream}", declared)
            found = msgspec.json.decode(made, type=_Info)
            _logger.info("made the stream %s", stream)
        elif _differs(declared, found.config):
            await self._correct(stream, f"STREAM.UPDATE.{stream}", found.config | dict(declared))
        else:
            self.drift.pop(stream, None)
        if self._created.setdefault(stream, found.created) != found.created:
            self.remade += 1
            self._created[stream] = found.created

    async def _ensure_consumer(self, stream: str, consumer: str) -> None:
        declared = self._consumers[stream, consumer]
        found = await self._info(f"CONSUMER.INFO.{stream}.{consumer}")
        create = f"CONSUMER.CREATE.{stream}.{consumer}"
        if "filter_subject" in declared:
            create += f".{declared['filter_subject']}"
        if found is None:
            await self._ask(create, {"stream_name": stream, "config": declared})
            _logger.info("made the consumer %s of %s", consumer, stream)
        elif _differs(declared, found.config):
            config = found.config | dict(declared)
            await self._correct(consumer, create, {"stream_name": stream, "config": config})
        else:
            self.drift.pop(consumer, None)

    async def _correct(self, name: str, call: str, request: Config) -> None:
        try:
            await self._ask(call, request)
            _logger.warning("%s was not as declared; corrected", name)
            self.drift.pop(name, None)
        except BusRefused as error:
            if self.drift.get(name) != str(error):
                _logger.warning("%s is not as declared: %s", name, error)
            self.drift[name] = str(error)

    async def _info(self, call: str) -> _Info | None:
        answer = await ask_api(self._connection(), f"{API}.{call}")
        if answer.error is None:
            return msgspec.json.decode(answer.body, type=_Info)
        if answer.error.code == _NOT_FOUND:
            return None
        raise _refusal(call, answer.error)

    async def _ask(self, call: str, request: Config) -> bytes:
        answer = await ask_api(self._connection(), f"{API}.{call}", request)
        if answer.error is not None:
            raise _refusal(call, answer.error)
        return answer.body


def _refusal(call: str, error: ApiError) -> BusError:
    text = f"{call}: {error.description} ({error.err_code})"
    if error.code == _NOT_FOUND:
        return StreamMissing(text)
    # 500 is also how the server refuses an update that it cannot make.
    return BusUnavailable(text) if error.code == _UNAVAILABLE else BusRefused(text)


def _differs(declared: Config, found: Config) -> bool:
    return any(found.get(field) != value for field, value in declared.items())
