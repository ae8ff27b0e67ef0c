"""What an exception means to the caller: the one place that says so."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from litestar.exceptions import HTTPException

from shared.eventlog.model import (
    AppendUnsettled,
    EntryTooLarge,
    KeyTaken,
    LogFull,
    LogReadOnly,
    LogUnavailable,
    VersionConflict,
)
from shared.hosting.problems import (
    FieldError,
    Kind,
    Problem,
    ProblemRaised,
    problem,
    wrong_fields,
)
from shared.hosting.wrong_fields import explain

KnownFailure = (
    ProblemRaised | VersionConflict | KeyTaken | EntryTooLarge | LogUnavailable | AppendUnsettled
)
KNOWN_FAILURES: Final = (
    ProblemRaised,
    VersionConflict,
    KeyTaken,
    EntryTooLarge,
    LogUnavailable,
    AppendUnsettled,
)
"""Exceptions with which a request may end; any other is a bug."""

_UNSETTLED: Final = (
    "the database went away while this was written; the same request with the same "
    "Idempotency-Key tells what became of it"
)
_OF_STATUS: Final = {
    HTTPStatus.UNAUTHORIZED: problem(Kind.UNAUTHENTICATED, "a valid token is needed"),
    HTTPStatus.FORBIDDEN: problem(Kind.FORBIDDEN, "this role may not do this"),
    HTTPStatus.NOT_FOUND: problem(Kind.NOT_FOUND, "no route has this path"),
    HTTPStatus.METHOD_NOT_ALLOWED: problem(
        Kind.METHOD_NOT_ALLOWED, "the header Allow names the methods of this path"
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: problem(Kind.TOO_LARGE, "the body is too large"),
}


def problem_of(error: KnownFailure) -> Problem:
    """The problem that an exception stands for."""
    match error:
        case ProblemRaised():
            return error.problem
        case VersionConflict():
            return problem(Kind.MOVED_ON, "others changed this again and again: try once more")
        case KeyTaken():
            return problem(Kind.MOVED_ON, f"another took this {error.taken.scope} meanwhile")
        case EntryTooLarge():
            return problem(Kind.TOO_LARGE, str(error))
        case LogFull():
            return problem(Kind.BUSY, "too many requests wait to be recorded")
        case LogReadOnly():
            return problem(Kind.UNAVAILABLE, str(error))
        case LogUnavailable():
            return problem(Kind.UNAVAILABLE, "the log cannot be reached")
        case AppendUnsettled():
            return problem(Kind.UNSETTLED, _UNSETTLED)


def problem_of_litestar(error: HTTPException, hints: Mapping[str, Any]) -> Problem:
    """The problem for what Litestar itself refuses: an unknown route, a wrong parameter.

    ``hints`` are the types of the route's parameters.
    """
    if error.status_code >= 500:
        return problem(Kind.INTERNAL, "see the service's log")
    if error.status_code == HTTPStatus.BAD_REQUEST and isinstance(error.extra, list):
        return wrong_fields(_field_error(each, hints) for each in error.extra)
    known = _OF_STATUS.get(HTTPStatus(error.status_code))
    return known or problem(Kind.UNREADABLE, error.detail)


def _field_error(message: Mapping[str, Any], hints: Mapping[str, Any]) -> FieldError:
    """A wrong parameter, as Litestar's signature model reports it."""
    name = str(message.get("key", "query"))
    return FieldError(name, explain(str(message["message"]), hints.get(name, Any)))
