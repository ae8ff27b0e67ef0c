"""What goes wrong, as RFC 9457 says it: one ``Problem`` for every error that leaves the service.

Types are stable: ``/problems/<name>``, each of which can be read at that address. A function per
kind makes the value; ``ProblemRaised`` carries one out of places that cannot return it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Final

from msgspec import Struct

from shared.events.decision import Invalid, Refused

MEDIA_TYPE: Final = "application/problem+json"
RETRY_SECONDS: Final = 1
"""How long we ask a caller to wait before the next try."""


class Kind(Enum):
    """Every kind of problem: its name in the type, its status, and its title."""

    UNREADABLE = ("unreadable", 400, "The request cannot be read")
    UNAUTHENTICATED = ("unauthenticated", 401, "A valid token is required")
    FORBIDDEN = ("forbidden", 403, "This is not allowed with these roles")
    NOT_FOUND = ("not-found", 404, "There is no such thing here")
    METHOD_NOT_ALLOWED = ("method-not-allowed", 405, "This method is not supported here")
    SLOW = ("slow", 408, "The request did not come in time")
    RULE_REFUSED = ("rule-refused", 409, "A rule refuses this")
    MOVED_ON = ("moved-on", 409, "The version moved on while this was tried")
    PRECONDITION_FAILED = ("precondition-failed", 412, "The version is another one")
    TOO_LARGE = ("too-large", 413, "This is larger than what can be recorded")
    UNSUPPORTED_MEDIA_TYPE = ("unsupported-media-type", 415, "This media type is not read here")
    WRONG_FIELDS = ("wrong-fields", 422, "Some fields are wrong")
    BUSY = ("busy", 429, "Too much at once; nothing was written")
    INTERNAL = ("internal", 500, "An error of ours")
    UNSETTLED = ("unsettled", 500, "It cannot be told yet whether this was written")
    UNAVAILABLE = ("unavailable", 503, "A part is unavailable; nothing was written")
    BEHIND = ("behind", 503, "The read model is not there yet")
    NOT_READY = ("not-ready", 503, "The service is not ready")

    def __init__(self, slug: str, status: int, title: str) -> None:
        self.slug = slug
        self.status = status
        self.title = title

    @property
    def uri(self) -> str:
        return f"/problems/{self.slug}"

    @property
    def passes(self) -> bool:
        """Whether nothing was decided: the same request may go well the next time."""
        return self.status in {429, 503} or self is Kind.MOVED_ON


class FieldError(Struct, frozen=True):
    """One wrong field: its path (``source.number``, ``teams[0]``) or header, and what to do."""

    field: str
    detail: str


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One problem document. ``rule`` is the rule that refused, ``errors`` is every wrong field."""

    type: str
    title: str
    status: int
    detail: str
    instance: str | None = None
    rule: str | None = None
    errors: tuple[FieldError, ...] = ()
    checks: Mapping[str, str] | None = None

    @property
    def kind(self) -> Kind:
        return _BY_URI[self.type]


class ProblemRaised(Exception):
    """Ends a request with ``problem``; ``headers`` are added to the answer."""

    def __init__(self, problem: Problem, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{problem.title}: {problem.detail}")
        self.problem = problem
        self.headers = dict(headers or {})


_BY_URI: Final = {kind.uri: kind for kind in Kind}


def problem(kind: Kind, detail: str) -> Problem:
    """A problem that needs no more than a sentence."""
    return Problem(type=kind.uri, title=kind.title, status=kind.status, detail=detail)


def not_found(detail: str) -> Problem:
    return problem(Kind.NOT_FOUND, detail)


def forbidden(detail: str) -> Problem:
    return problem(Kind.FORBIDDEN, detail)


def wrong_field(field: str, detail: str) -> Problem:
    return wrong_fields((FieldError(field, detail),))


def wrong_fields(errors: Iterable[FieldError]) -> Problem:
    """422: every wrong field at once."""
    return _with_errors(Kind.WRONG_FIELDS, tuple(errors))


def too_large(errors: Iterable[FieldError]) -> Problem:
    """413 for texts that are too long, each named."""
    return _with_errors(Kind.TOO_LARGE, tuple(errors))


def refused(decision: Refused) -> Problem:
    """409, with the rule's name."""
    kind = Kind.RULE_REFUSED
    return Problem(
        type=kind.uri,
        title=kind.title,
        status=kind.status,
        detail=decision.detail,
        rule=str(decision.rule),
    )


def invalid(decision: Invalid) -> Problem:
    return wrong_field(decision.field, decision.detail)


def _with_errors(kind: Kind, errors: tuple[FieldError, ...]) -> Problem:
    return Problem(
        type=kind.uri,
        title=kind.title,
        status=kind.status,
        detail=", ".join(error.field for error in errors),
        errors=errors,
    )


def explained(problem: Problem) -> str:
    """All that a problem says, in one sentence, for where there is no room for its members."""
    fields = "; ".join(f"{error.field}: {error.detail}" for error in problem.errors)
    return fields or problem.detail


def answer_headers(kind: Kind) -> dict[str, str]:
    """The headers that a problem of this kind always carries."""
    if kind is Kind.UNAUTHENTICATED:
        return {"WWW-Authenticate": 'Bearer realm="caselog"'}
    if kind.passes:
        return {"Retry-After": str(RETRY_SECONDS)}
    return {}
