"""Given, when, then: the same three words for every decision of every domain.

    given(state).when(lambda issue: decide_claim(Claim(), issue)).then(Claimed(...))

``state`` is what the decision looks at, folded from events or a bundle of several states; ``when``
takes the decision as a function of it. Each ending asserts the whole outcome.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from shared.events.decision import Accepted, Invalid, Refused

S = TypeVar("S")
E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class When(Generic[E]):
    """A decision that was taken."""

    outcome: Accepted[E] | Refused | Invalid

    def then(self, *events: E) -> None:
        """It was accepted, and exactly these events happened, in this order."""
        assert self.outcome == Accepted(events)

    def nothing_happened(self) -> None:
        """It was accepted: all it asks was so already."""
        assert self.outcome == Accepted()

    def refused(self, rule: StrEnum) -> None:
        """This rule forbade it, with a detail that a person can act on."""
        assert isinstance(self.outcome, Refused), self.outcome
        assert self.outcome.rule is rule
        assert len(self.outcome.detail.split()) > 2

    def invalid(self, field: str) -> None:
        """This field of the command is wrong."""
        assert isinstance(self.outcome, Invalid), self.outcome
        assert self.outcome.field == field
        assert self.outcome.detail


@dataclass(frozen=True, slots=True)
class Given(Generic[S]):
    """What was so before."""

    state: S

    def when(self, decide: Callable[[S], Accepted[E] | Refused | Invalid]) -> When[E]:
        return When(decide(self.state))


def given(state: S) -> Given[S]:
    return Given(state)
