"""Turns a table of commands into routes: the mechanics of every command, in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from litestar import Request, Response, post, put
from litestar.handlers import HTTPRouteHandler

from shared.eventlog.log import EventLog
from shared.eventlog.model import KeyTaken
from shared.events.decision import Invalid, Refused
from shared.hosting import idempotency, occurred, preconditions
from shared.hosting.answers import Answer, encode, problem_answer
from shared.hosting.bodies import BodyDecoder, is_json
from shared.hosting.commands import AnyCommand, CommandCall, Done, Rebuild
from shared.hosting.documented import OPT, Documented, header
from shared.hosting.failures import KNOWN_FAILURES, problem_of
from shared.hosting.idempotency import Idempotency, Once, once_for
from shared.hosting.incoming import Incoming, incoming_of
from shared.hosting.occurred import parse_occurred_at
from shared.hosting.preconditions import ANY_VERSION, parse_if_match
from shared.hosting.problems import (
    Kind,
    ProblemRaised,
    invalid,
    problem,
    refused,
)

_PROBLEMS: Final = (400, 401, 403, 404, 408, 409, 412, 413, 415, 422, 429, 500, 503)
_KEY: Final = header(
    idempotency.HEADER, r"[!-~]{1,255}", "A repeat with the same key answers as the first did."
)
_IF_MATCH: Final = header(
    preconditions.HEADER, r'"[0-9]{1,18}"', "The version that this is for; else 412."
)
_OCCURRED: Final = header(
    occurred.HEADER, occurred.MOMENT, "When it happened, if not now; for the role system only."
)


class CommandRunner:
    """Runs the commands of one service, for all of its command routes.

    ``rebuild`` answers a repeat as the first was answered: from the log, as of that position.
    """

    def __init__(self, log: EventLog, rebuild: Rebuild, clock: Callable[[], datetime]) -> None:
        self._log = log
        self._rebuild = rebuild
        self._clock = clock
        self.idempotency = Idempotency(log.store, self._rebuilt)

    def routes(self, commands: Iterable[AnyCommand]) -> list[HTTPRouteHandler]:
        return [self._route(command) for command in commands]

    def _route(self, command: AnyCommand) -> HTTPRouteHandler:
        decoder: BodyDecoder[Any] = BodyDecoder(command.body)

        async def handle(request: Any) -> Any:
            return await self._handle(command, decoder, request)

        # Litestar reads types from annotations; these are known only now.
        handle.__annotations__ = {
            "request": Request[Any, Any, Any],
            "return": Response[command.answer],  # type: ignore[name-defined]
        }
        return (post if command.method == "POST" else put)(
            command.path,
            name=command.name,
            operation_id=command.name,
            summary=command.summary,
            status_code=command.code,
            opt={OPT: _documented(command)},
        )(handle)

    async def _handle(
        self, command: AnyCommand, decoder: BodyDecoder[Any], request: Request[Any, Any, Any]
    ) -> Response[bytes]:
        incoming = incoming_of(request)
        command.access.check(request.user, request.path_params)
        # Not even a refusal is right, and kept for a key, while the log may lack its end.
        self._log.check_writable()
        raw = await request.body()
        if raw and not is_json(incoming.header("content-type")):
            detail = "the body must be application/json"
            raise ProblemRaised(problem(Kind.UNSUPPORTED_MEDIA_TYPE, detail))
        once = once_for(
            incoming.header(idempotency.HEADER),
            request.user,
            command.method,
            request.scope["path"],
            raw,
            command.code,
        )

        def call() -> CommandCall[Any]:
            return self._call(command, decoder, request, incoming, raw, once)

        answer = await self.carry(command, call, once, incoming.request_id)
        incoming.position = answer.position
        return answer.response()

    async def carry(
        self,
        command: AnyCommand,
        call: Callable[[], CommandCall[Any]],
        once: Once | None,
        request_id: UUID,
    ) -> Answer:
        """Carries out one call, once for its key; ``call`` makes it, and may raise ProblemRaised.

        Raises LogUnavailable, ProblemRaised for a key that was used for another request.
        """
        execute = partial(self._execute, command, call, request_id)
        return await (execute() if once is None else self.idempotency.run(once, execute))

    async def _execute(
        self, command: AnyCommand, call: Callable[[], CommandCall[Any]], request_id: UUID
    ) -> Answer:
        try:
            outcome = await command.execute(call())
        except KNOWN_FAILURES as error:
            if isinstance(error, KeyTaken) and error.taken.scope == idempotency.SCOPE:
                raise
            outcome = problem_of(error)
        match outcome:
            case Done():
                return _success(outcome, outcome.code or command.code)
            case Refused():
                outcome = refused(outcome)
            case Invalid():
                outcome = invalid(outcome)
            case _:
                pass
        return problem_answer(outcome, request_id, self._log.head.position)

    def _call(
        self,
        command: AnyCommand,
        decoder: BodyDecoder[Any],
        request: Request[Any, Any, Any],
        incoming: Incoming,
        raw: bytes,
        once: Once | None,
    ) -> CommandCall[Any]:
        now = self._clock()
        principal = request.user
        if_match = ANY_VERSION
        if command.versioned:
            if_match = parse_if_match(incoming.header(preconditions.HEADER))
        return CommandCall(
            principal=principal,
            path=request.path_params,
            body=decoder.decode(raw),
            now=now,
            occurred_at=parse_occurred_at(incoming.header(occurred.HEADER), principal, now),
            if_match=if_match,
            request_id=incoming.request_id,
            correlation=incoming.correlation,
            traceparent=incoming.traceparent,
            once=once,
        )

    async def _rebuilt(self, about: str, position: int, code: int) -> Answer:
        return _success(await self._rebuild(about, position), code)


def _success(done: Done, code: int) -> Answer:
    return Answer(
        code=code,
        body=encode(done.body),
        position=done.position,
        version=done.version,
        location=done.location,
        recorded=bool(done.events),
    )


def _documented(command: AnyCommand) -> Documented:
    headers = (_KEY, _IF_MATCH, _OCCURRED) if command.versioned else (_KEY, _OCCURRED)
    return Documented(
        problems=_PROBLEMS,
        headers=headers,
        body=command.body,
        answer_headers=("ETag",),
        path_patterns=command.path_patterns,
    )
