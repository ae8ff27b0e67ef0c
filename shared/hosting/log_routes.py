"""The log itself over HTTP, exact entries only: ``/log`` line by line, ``/stream`` as it grows.

``/stream?case=KEY`` gives the entries of one subject alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter
from litestar.response import Stream

from shared.eventlog.log import EventLog
from shared.eventlog.model import NAME_BYTES_MAX, Row
from shared.hosting.incoming import incoming_of
from shared.hosting.lifetime import Lifetime
from shared.hosting.log_model import OfTheLog
from shared.hosting.positions import POSITION_MAX, parse_position
from shared.hosting.principal import READS_BOTH, Access
from shared.hosting.problems import Kind, ProblemRaised, problem, wrong_field
from shared.hosting.reads import read

NDJSON: Final = "application/x-ndjson"
SSE: Final = "text/event-stream"
LINES_DEFAULT: Final = 100_000
LINES_MAX: Final = 1_000_000
PAGE_ROWS: Final = 256
"""Rows read at a time; with entries at their limit, 64 MiB."""
STREAMS_MAX: Final = 256
"""How many answers that last are given at once, of both kinds."""
HEARTBEAT_SECONDS: Final = 15.0
STILL_HERE: Final = b": still here\n\n"
RETRY_MS: Final = 2000
LAST_EVENT_HEADER: Final = "Last-Event-ID"

_AFTER: Final = QueryParameter(
    ge=0, le=POSITION_MAX, required=False, description="Entries after this one."
)

_CASE: Final = QueryParameter(
    min_length=1,
    max_length=NAME_BYTES_MAX,
    required=False,
    description="Only entries with this subject.",
)


class LogRoutes:
    """``GET /log`` and ``GET /stream`` of one log, for those with ``access``."""

    def __init__(
        self,
        log: EventLog,
        lifetime: Lifetime,
        clock: Callable[[], datetime],
        access: Access = READS_BOTH,
    ) -> None:
        self._log = log
        self._model = OfTheLog(log)
        self._lifetime = lifetime
        self._clock = clock
        self._access = access
        self._open = 0

    @property
    def open_streams(self) -> int:
        """How many answers are being given, for metrics."""
        return self._open

    def routes(self) -> list[HTTPRouteHandler]:
        @read(
            "/log",
            name="log",
            summary="The exact entries, one a line: line n is the entry at position after + n",
            access=self._access,
            model=self._model,
            media_type=NDJSON,
        )
        async def log(
            request: Request[Any, Any, Any],
            after: Annotated[int, _AFTER] = 0,
            limit: Annotated[
                int, QueryParameter(ge=1, le=LINES_MAX, required=False)
            ] = LINES_DEFAULT,
        ) -> Stream:
            upto = min(after + limit, self._model.position)
            return self._stream(request, self._lines(after, upto), NDJSON)

        # Not in the OpenAPI document: an answer that never ends is nothing its readers can call.
        @get("/stream", guards=[self._access.guard], include_in_schema=False)
        async def stream(
            request: Request[Any, Any, Any],
            after: Annotated[int | None, _AFTER] = None,
            case: Annotated[str | None, _CASE] = None,
        ) -> Stream:
            begin = _last_event(incoming_of(request).header(LAST_EVENT_HEADER))
            if begin is None:
                begin = self._model.position if after is None else after
            left = request.user.expires - self._clock().timestamp()
            return self._stream(request, self._events(begin, left, case), SSE)

        return [log, stream]

    def _stream(
        self, request: Request[Any, Any, Any], parts: AsyncIterator[bytes], media_type: str
    ) -> Stream:
        if self._open >= STREAMS_MAX:
            raise ProblemRaised(problem(Kind.BUSY, "too many streams at once"))
        incoming_of(request).streams = True
        return Stream(
            self._counted(parts), media_type=media_type, headers={"X-Accel-Buffering": "no"}
        )

    async def _counted(self, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        self._open += 1
        try:
            async for part in parts:
                yield part
        finally:
            self._open -= 1

    async def _lines(self, after: int, upto: int) -> AsyncIterator[bytes]:
        while after < upto:
            rows = await self._log.store.read(after, min(PAGE_ROWS, upto - after))
            if not rows:
                return
            yield b"".join(row.entry + b"\n" for row in rows)
            after = rows[-1].position

    async def _events(self, after: int, seconds: float, case: str | None) -> AsyncIterator[bytes]:
        """Entries as server-sent events, until the token expires or the service ends."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        ending = asyncio.create_task(self._lifetime.over())
        try:
            yield b"retry: %d\n: from %d\n\n" % (RETRY_MS, after)
            if case is not None and after < self._model.position:
                upto = self._model.position
                rows = await self._log.store.read_streams((case,), upto=upto)
                yield _said([row for row in rows if row.position > after], case) or STILL_HERE
                after = upto
            spoke = loop.time()
            while not ending.done() and (left := until - loop.time()) > 0:
                rows = await self._log.store.read(after, PAGE_ROWS)
                after = rows[-1].position if rows else after
                said, silence = _said(rows, case), loop.time() - spoke
                if not said and silence >= HEARTBEAT_SECONDS:
                    said = STILL_HERE  # also where all that happens is not of the case
                if said:
                    yield said
                    spoke = loop.time()
                elif not rows:
                    await self._grows(after, ending, min(left, HEARTBEAT_SECONDS - silence))
        finally:
            ending.cancel()

    async def _grows(self, after: int, ending: asyncio.Task[None], seconds: float) -> None:
        """Waits, for so many seconds at most, until there is something to do: an entry, the end."""
        growing = asyncio.create_task(self._log.changed(after))
        try:
            await asyncio.wait(
                {growing, ending}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            growing.cancel()


def _said(rows: Sequence[Row], case: str | None) -> bytes:
    return b"".join(_event(row) for row in rows if case in {None, row.stream})


def _event(row: Row) -> bytes:
    """An entry has no line break in it, so it is one line of data."""
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (row.position, row.type.encode(), row.entry)


def _last_event(said: str | None) -> int | None:
    if said is None:
        return None
    position = parse_position(said)
    if position is None:
        raise ProblemRaised(wrong_field(LAST_EVENT_HEADER, "must be a position: a whole number"))
    return position
