"""One side's log is restored from a backup and recovered from the other's: they still agree.

As in ``test_the_pair_agrees``, without a log, a bus or a clock. What comes back is placed by the
rules of ``shared.bus.interleaving``; what was kept to oneself since the backup is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from services.eng_issues.domain.case import Case
from services.eng_issues.domain.events import Said
from services.eng_issues.domain.states import NOTHING, evolve
from services.eng_issues.policies.a_recovered_board_follows_its_cases import mentions
from services.eng_issues.policies.a_recovered_board_follows_its_cases import (
    react as react_board,
)
from services.ops_issues.policies.a_case_that_moved_states_its_status import react
from shared.bus.entries import Arrived
from shared.bus.interleaving import Interleaving
from shared.eventlog.model import Foreign
from shared.events import eng, ops
from shared.events.envelope import AnyRecorded, Published
from tests.unit.eng_issues.engineering import Engineering
from tests.unit.test_the_pair_agrees import (
    ACT,
    CROSSINGS,
    Act,
    Operations,
    Pair,
    after_crossing,
    agree,
    boards_are_sound,
    is_published_about_a_case,
)


def restored_operations(before: Operations, length: int, peer: list[AnyRecorded]) -> Operations:
    """Operations from the first ``length`` events of its log, and what the other side holds."""
    after = Operations()
    for event in before.log[:length]:
        after.holds(event)
    heard = max((number_of(e) for e in after.log if e.source == eng.SOURCE), default=0)
    said = len(after.published)
    theirs = {number_of(e): e for e in peer if is_published_about_a_case(e)}
    interleaving = Interleaving()
    for event in peer:
        if event.source == ops.SOURCE and number_of(event) > said:
            begins = event.subject not in after.issues
            for placed in interleaving.ours(event, begins=begins):
                after.holds(theirs.pop(placed.sequence))
            after.holds(event)
        elif is_published_about_a_case(event) and number_of(event) > heard:
            interleaving.theirs(arrived(event))
    after.recorder.position, after.recorder.sequence = len(before.log), len(after.published)
    for key, state in after.issues.items():
        after.says(key, tuple(each.body for each in react(state, state)))
    heard = max((number_of(e) for e in after.log if e.source == eng.SOURCE), default=0)
    for number, event in theirs.items():
        if number > heard:
            after.receives(event)
    return after


class Restored(Engineering):
    """Engineering while its log is recovered: it publishes nothing, and no key comes twice."""

    def __init__(self) -> None:
        super().__init__()
        self.is_quiet = True

    def record(self, said: Iterable[Said], actor: str = "person:ada") -> None:
        said = [s for s in said if not (self.is_quiet and isinstance(s.data, Published))]
        super().record(said, actor)

    def holds(self, event: AnyRecorded) -> None:
        self.log.append(event)
        before = self.streams.get(event.subject, NOTHING)
        self.streams[event.subject] = evolve(before, event)

    def new_key(self, team: str) -> str:
        return f"{team}-{100_000 + len(self.log)}"


def restored_engineering(before: Engineering, length: int, peer: Sequence[AnyRecorded]) -> Restored:
    """The same for Engineering, which reacts to what it hears again."""
    after = Restored()
    for event in before.log[:length]:
        after.holds(event)
    heard = max((number_of(e) for e in after.log if e.source == ops.SOURCE), default=0)
    said = max((number_of(e) for e in after.log if e.source == eng.SOURCE), default=0)
    theirs = {number_of(e): e for e in peer if is_published_by_ops(e) and number_of(e) > heard}
    after.own.position = 1_000 + len(before.log)  # ids follow from it
    interleaving = Interleaving()
    for event in peer:
        if event.source == eng.SOURCE and number_of(event) > said:
            begins = event.subject not in after.streams
            for placed in interleaving.ours(event, begins=begins):
                after.receive(theirs.pop(placed.sequence))
            after.holds(event)
            after.own.sequence = number_of(event)
        elif number_of(event) in theirs and is_published_by_ops(event):
            interleaving.theirs(arrived(event))
    after.own.sequence = before.own.sequence
    boards_follow(after, {event.subject for event in after.log[length:]})
    after.is_quiet = False
    for event in theirs.values():
        after.receive(event)
    return after


def boards_follow(after: Restored, streams: set[str]) -> None:
    """As the edge does: what follows for every engineering issue that a touched case names."""
    touched = {k: s for k, s in after.streams.items() if k in streams and isinstance(s, Case)}
    named = mentions(event for event in after.log if event.subject in touched)
    for key, mention in named.items():
        issue = after.found(key)
        cases = {**after.cases_of(issue), **touched}
        after.record(react_board(key, mention, after.team(mention.team), issue, cases))


def is_published_by_ops(event: AnyRecorded) -> bool:
    return event.source == ops.SOURCE and event.sequence is not UNSET


def number_of(event: AnyRecorded) -> int:
    return 0 if event.sequence is UNSET else event.sequence


def arrived(event: AnyRecorded) -> Arrived:
    sequence = number_of(event)
    return Arrived(
        event.log, Foreign(event.id, event.subject, event.type, event.source, 1, sequence, b"")
    )


def restore_operations(pair: Pair, length: int) -> None:
    published = list(pair.operations.published)
    pair.operations = restored_operations(pair.operations, length, pair.engineering.log)
    assert pair.operations.published[: len(published)] == published


def restore_engineering(pair: Pair, length: int) -> None:
    published = [e for e in pair.engineering.log if is_published_about_a_case(e)]
    length = max(length, BEGINNING)
    pair.engineering = restored_engineering(pair.engineering, length, pair.operations.log)
    again = [e for e in pair.engineering.log if is_published_about_a_case(e)]
    assert again[: len(published)] == published


RESTORES = {"ops": restore_operations, "eng": restore_engineering}
BEGINNING = len(Pair().engineering.log)
"""Teams and issues of their own: Operations is not told of them in these stories."""


@pytest.mark.parametrize("service", RESTORES)
@settings(max_examples=300, deadline=None)
@given(acts=st.lists(ACT, max_size=60), more=st.lists(ACT, max_size=20), data=st.data())
def test_whatever_was_lost_both_services_agree(
    service: str, acts: list[Act], more: list[Act], data: st.DataObject
) -> None:
    pair = Pair()
    for act in acts:
        act(pair)
    pair.deliver_all()
    longest = max(len(pair.operations.log), len(pair.engineering.log))

    RESTORES[service](pair, data.draw(st.integers(0, longest)))
    boards_are_sound(pair)
    pair.deliver_all()
    boards_are_sound(pair)
    agree(pair)

    for act in more:
        act(pair)
        boards_are_sound(pair)
    pair.deliver_all()
    agree(pair)


@pytest.mark.parametrize("service", RESTORES)
@pytest.mark.parametrize(("before", "meanwhile", "state"), CROSSINGS)
def test_what_crossed_crosses_again(
    service: str, before: list[Act], meanwhile: list[Act], state: str
) -> None:
    crossed = after_crossing(before, meanwhile)
    for length in range(max(len(crossed.operations.log), len(crossed.engineering.log))):
        pair = after_crossing(before, meanwhile)

        RESTORES[service](pair, length)
        pair.deliver_all()

        agree(pair)
        assert pair.engineering.case("OPS-1").part("MOB").state == state


@pytest.mark.parametrize("placed", ["first", "last"])
def test_they_would_not_agree_if_all_of_one_side_went_first(
    placed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deliberately wrong variants, to see that these stories can tell."""

    def wrong(self: Interleaving, recorded: AnyRecorded, *, begins: bool) -> list[Arrived]:
        return [] if placed == "first" else self._upto(10**9)

    monkeypatch.setattr(Interleaving, "ours", wrong)
    with pytest.raises(AssertionError):
        all_that_crossed()


def all_that_crossed() -> None:
    for before, meanwhile, state in CROSSINGS:
        test_what_crossed_crosses_again("ops", before, meanwhile, state)
