"""What is kept is distrusted only after a batch lost one race after another."""

from __future__ import annotations

from shared.bus.races import Races
from shared.hosting.ids import new_id


def test_every_third_try_of_a_batch_reads_anew() -> None:
    races, batch = Races(), new_id()

    assert [races.is_behind(batch) for _ in range(6)] == [False, False, True] * 2


def test_another_batch_begins_with_what_is_kept() -> None:
    races, batch = Races(), new_id()

    assert not any(races.is_behind(each) for each in (batch, batch, new_id(), batch, batch))
