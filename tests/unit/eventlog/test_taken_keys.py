"""A key is looked up once, since it never changes its value; one that is free, each time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from shared.eventlog import taken_keys
from shared.eventlog.memory import MemoryStore
from shared.eventlog.model import UniqueKey
from shared.eventlog.taken_keys import TakenKeys
from tests.kit.clock import SettableClock
from tests.kit.noted import SOURCE, any_id


class Counted(MemoryStore):
    """A store that says what it was asked."""

    def __init__(self) -> None:
        super().__init__(source=SOURCE, clock=SettableClock(), new_id=any_id)
        self.asked: list[str] = []

    async def taken(self, scope: str, keys: Sequence[str]) -> Mapping[str, str]:
        self.asked += keys
        return await super().taken(scope, keys)


async def test_a_key_is_found_in_its_scope_and_kept() -> None:
    store = Counted()
    await store.keep([UniqueKey("here", "k", "mine"), UniqueKey("there", "k", "theirs")])
    keys = TakenKeys(store, "here")

    assert [await keys.find("k"), await keys.find("k")] == ["mine", "mine"]
    assert store.asked == ["k"]


async def test_a_free_key_is_asked_for_again() -> None:
    store = Counted()
    keys = TakenKeys(store, "here")
    assert await keys.find("k") is None

    await store.keep([UniqueKey("here", "k", "mine")])

    assert await keys.find("k") == "mine"
    assert store.asked == ["k", "k"]


async def test_no_more_than_so_many_are_kept_and_the_first_goes_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(taken_keys, "KEPT_MAX", 2)
    store = Counted()
    await store.keep([UniqueKey("here", key, key) for key in "abc"])
    keys = TakenKeys(store, "here")

    for key in "abcbca":
        assert await keys.find(key) == key

    assert store.asked == ["a", "b", "c", "a"]
