"""Wrong variants of what the services make of commands and of each other's events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from services.eng_issues.domain import case as eng_case
from services.eng_issues.domain import crossing
from services.ops_issues.edges import interpreter as ops_interpreter
from shared.events import eng
from shared.hosting import intake
from tests.simulation.teeth.variant import Variant


def _own_status(evolve: Callable[..., Any]) -> Callable[..., Any]:
    def wrong(case: Any, event: Any, data: Any) -> Any:
        after = evolve(case, event, data)
        status = "Engineering Ownership" if isinstance(data, eng.Claimed) else "Needs Ops Review"
        return after if after.closed else replace(after, status=status)

    return wrong


def _silent(_: Any) -> Any:
    return lambda before, after: ()


def _forgetful(_: Any) -> Any:
    return lambda event: lambda last, about: ()


def _careless(heard: Callable[..., Any]) -> Callable[..., Any]:
    return lambda held, _, fact: heard(held, crossing.NOT_YET_PUBLISHED, fact)


VARIANTS: Final = (
    Variant(
        "folding status on the wrong side",
        "Engineering shows a status that Operations never stated",
        eng_case,
        "_spoke",
        _own_status,
    ),
    Variant(
        "a status that is not stated with its cause",
        "the log says one thing, and its fold another",
        ops_interpreter,
        "react",
        _silent,
    ),
    Variant(
        "an intake event without its key",
        "what comes again is recorded again",
        intake,
        "_keys",
        _forgetful,
    ),
    Variant(
        "no notice of what the other had heard",
        "what crosses on the way ends differently on both sides",
        crossing,
        "heard",
        _careless,
    ),
)
