"""The exchange is right in every state that it can reach; eleven wrong ones are not."""

from __future__ import annotations

import pytest

from tests.model.search import Search, told
from tests.model.states import Budget, Protocol
from tests.model.variants import FULL, HARMLESS, SEES_FOR_ITSELF, WRONG, Wrong

BUDGETS = [
    Budget(events=3, crashes=2, wipes=1, duplicates=1),
    Budget(events=3, crashes=1, losses=2, duplicates=1),
    Budget(events=2, crashes=2, losses=1, wipes=2, duplicates=1),
    Budget(events=3, crashes=1, restores=1),
    Budget(events=2, crashes=2, losses=1, restores=1),
    Budget(events=2, crashes=1, wipes=1, duplicates=1, restores=1),
    Budget(events=2, crashes=1, restores=2),
]
"""Together every fault with every other; ``python -m tests.model`` takes larger ones."""


def shown(budget: Budget) -> str:
    return "-".join(f"{count}{name}" for name, count in budget._asdict().items() if count)


@pytest.mark.parametrize("budget", BUDGETS, ids=shown)
def test_the_exchange_delivers_everything_once_whatever_happens(budget: Budget) -> None:
    found = Search(FULL, budget).run()

    assert found.counterexample is None, told(found.counterexample)
    assert found.states > 10_000, "the faults did happen"


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.name)
def test_a_wrong_protocol_is_found_out(wrong: Wrong) -> None:
    found = Search(wrong.protocol, wrong.budget).run()

    assert found.counterexample is not None
    assert found.counterexample.broken == wrong.broken
    assert told(found.counterexample).count("\n") == len(found.counterexample.trace)


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.name)
def test_it_is_the_mistake_that_was_found(wrong: Wrong) -> None:
    found = Search(wrong.right, wrong.budget).run()

    assert found.counterexample is None, told(found.counterexample)


@pytest.mark.parametrize("protocol", HARMLESS.values(), ids=HARMLESS.keys())
def test_announcements_and_healing_make_good_what_relay_and_broker_do(protocol: Protocol) -> None:
    budget = Budget(events=2, crashes=1, losses=1, wipes=1, duplicates=1)

    found = Search(protocol, budget).run()

    assert found.counterexample is None, told(found.counterexample)


def test_a_restore_is_seen_if_the_stream_loses_nothing() -> None:
    found = Search(SEES_FOR_ITSELF, Budget(events=3, crashes=1, duplicates=1, restores=1)).run()

    assert found.counterexample is None, told(found.counterexample)


def test_a_trace_reads_like_a_story() -> None:
    wrong = next(each for each in WRONG if each.name == "cursor-before-publish")

    found = Search(wrong.protocol, wrong.budget).run()

    assert found.counterexample is not None
    lines = [" ".join(line.split()) for line in told(found.counterexample).splitlines()]
    assert lines[:6] == [
        "left alone, it never delivers all:",
        "0. the beginning log[] stream[] held[]",
        "1. the author commits a as (1,1) log[1.1a] stream[] held[]",
        "2. the relay begins after 0 log[1.1a] stream[] held[]",
        "3. the relay counts a as (1,1) as published log[1.1a] stream[] held[]",
        "4. the author crashes log[1.1a] stream[] held[]",
    ]
