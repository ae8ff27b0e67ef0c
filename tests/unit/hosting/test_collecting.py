"""Cycles are looked for seldom, and not among what was there before."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from shared.hosting.collecting import THRESHOLDS, collect_seldom


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def test_what_is_there_is_not_looked_through_again() -> None:
    collect_seldom()

    assert gc.get_freeze_count() > 0
    assert gc.get_threshold() == THRESHOLDS


def test_later_cycles_are_found_all_the_same() -> None:
    collect_seldom()
    cycle: list[object] = []
    cycle.append(cycle)
    del cycle

    assert gc.collect() >= 1
