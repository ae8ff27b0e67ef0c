"""Errors leave as problem documents, whose types stay what they are."""

from __future__ import annotations

from enum import StrEnum

import pytest

from shared.eventlog.model import (
    AppendUnsettled,
    EntryTooLarge,
    KeyTaken,
    LogFull,
    LogUnavailable,
    UniqueKey,
    VersionConflict,
)
from shared.events.decision import Invalid, Refused
from shared.hosting.failures import KnownFailure, problem_of
from shared.hosting.problems import (
    FieldError,
    Kind,
    ProblemRaised,
    answer_headers,
    explained,
    invalid,
    not_found,
    refused,
    wrong_fields,
)


class Rule(StrEnum):
    CLOSED = "closed-stays-closed"


def test_the_types_are_public_and_stay() -> None:
    assert {kind.uri: kind.status for kind in Kind} == {
        "/problems/unreadable": 400,
        "/problems/unauthenticated": 401,
        "/problems/forbidden": 403,
        "/problems/not-found": 404,
        "/problems/method-not-allowed": 405,
        "/problems/slow": 408,
        "/problems/rule-refused": 409,
        "/problems/moved-on": 409,
        "/problems/precondition-failed": 412,
        "/problems/too-large": 413,
        "/problems/unsupported-media-type": 415,
        "/problems/wrong-fields": 422,
        "/problems/busy": 429,
        "/problems/internal": 500,
        "/problems/unsettled": 500,
        "/problems/unavailable": 503,
        "/problems/behind": 503,
        "/problems/not-ready": 503,
    }


def test_a_refusal_names_its_rule() -> None:
    problem = refused(Refused(Rule.CLOSED, "reopen it first"))

    assert (problem.status, problem.rule) == (409, "closed-stays-closed")
    assert problem.detail == "reopen it first"


def test_an_invalid_field_is_named() -> None:
    problem = invalid(Invalid("team", "must be a team that exists"))

    assert problem.status == 422
    assert problem.errors == (FieldError("team", "must be a team that exists"),)


def test_in_one_sentence_a_problem_says_all_it_knows() -> None:
    assert explained(
        wrong_fields([FieldError("a", "is required"), FieldError("b", "is wrong")])
    ) == ("a: is required; b: is wrong")
    assert explained(not_found("there is no OPS-9")) == "there is no OPS-9"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ProblemRaised(not_found("x")), Kind.NOT_FOUND),
        (VersionConflict(("a",)), Kind.MOVED_ON),
        (KeyTaken(UniqueKey("scope", "key", "value")), Kind.MOVED_ON),
        (EntryTooLarge(300_000), Kind.TOO_LARGE),
        (LogFull("full"), Kind.BUSY),
        (LogUnavailable("gone"), Kind.UNAVAILABLE),
        (AppendUnsettled("who knows"), Kind.UNSETTLED),
    ],
)
def test_what_a_log_raises_has_its_problem(error: KnownFailure, kind: Kind) -> None:
    assert problem_of(error).kind is kind


def test_only_what_passes_says_when_to_come_again() -> None:
    retried = {kind for kind in Kind if "Retry-After" in answer_headers(kind)}

    assert retried == {
        Kind.MOVED_ON,
        Kind.BUSY,
        Kind.UNAVAILABLE,
        Kind.BEHIND,
        Kind.NOT_READY,
    }
