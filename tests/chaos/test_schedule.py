"""A schedule can be had again, and leaves no kind of fault out."""

from __future__ import annotations

from tests.chaos.schedule import KINDS, kinds_named, schedule


def test_a_seed_gives_the_same_faults_again() -> None:
    assert schedule(7, 300) == schedule(7, 300) != schedule(8, 300)


def test_each_kind_comes_before_any_comes_again() -> None:
    faults = schedule(7, 600)

    assert {fault.kind for fault in faults[: len(KINDS)]} == set(KINDS)
    assert len(faults) > 2 * len(KINDS)


def test_faults_take_as_long_as_was_asked_for() -> None:
    faults = schedule(7, 90)

    longest = faults[-1].after + faults[-1].lasts
    assert 90 <= sum(fault.after + fault.lasts for fault in faults) < 90 + longest + 1


def test_kinds_are_chosen_by_a_part_of_their_names() -> None:
    assert kinds_named("nats") == [kind for kind in KINDS if "nats" in kind]
    assert kinds_named("") == list(KINDS)
