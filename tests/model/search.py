"""Looks at every state that can be reached, breadth first: a trace found is a shortest one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tests.model.protocol import steps
from tests.model.states import LETTERS, Budget, Protocol, Row, State, is_complete, start


class Moment(NamedTuple):
    """What happened, and what is then."""

    says: str
    state: State


class Counterexample(NamedTuple):
    """How the protocol goes wrong: what does not hold, and the shortest way there."""

    broken: str
    trace: Sequence[Moment]


class Found(NamedTuple):
    """What the search came to.

    Attributes:
        states: How many were reached.
        edges: How many steps lead from one to another.
        depth: Steps on the longest of the shortest ways.
        counterexample: None if the protocol is right within the budget.
    """

    states: int
    edges: int
    depth: int
    counterexample: Counterexample | None


def broken(state: State) -> str | None:
    """What must never be, and is."""
    numbers = [number for number, _ in state.held]
    events = [event for _, event in state.held]
    if len(set(events)) < len(events):
        return "an event is delivered twice"
    if [sequence for _, sequence in numbers] != list(range(1, len(numbers) + 1)):
        return "the receiver has passed a hole"
    if any(state.ever[LETTERS.index(event)] != number for number, event in state.held):
        return "an event is held that its author did not commit"
    seen = {*state.log, *state.held, *(each.row for each in state.stream)}
    if len({number for number, _ in seen}) < len(seen):
        return "one number stands for two events"
    if state.is_open and state.held != state.log[: len(state.held)]:
        return "the receiver holds what the author's log does not"
    return None


class Search:
    """The states reached from the beginning, and how."""

    def __init__(self, protocol: Protocol, budget: Budget) -> None:
        self.protocol = protocol
        self._places: dict[State, int] = {}
        self._states: list[State] = []
        self._came: list[tuple[int, str]] = []
        self._depths: list[int] = []
        self._before: list[list[int]] = []
        """By state: those that lead to it by a step of the system itself."""
        self._edges = 0
        self._waiting: deque[int] = deque()
        self._reach(start(budget), 0, "the beginning", 0)

    def run(self) -> Found:
        counterexample = self._unsafe() or self._stuck()
        depth = max(self._depths)
        return Found(len(self._states), self._edges, depth, counterexample)

    def _reach(self, state: State, parent: int, says: str, depth: int) -> int:
        place = self._places.setdefault(state, len(self._states))
        if place == len(self._states):
            self._states.append(state)
            self._came.append((parent, says))
            self._depths.append(depth)
            self._before.append([])
            self._waiting.append(place)
        return place

    def _unsafe(self) -> Counterexample | None:
        """Reaches everything; stops at the first state that must not be."""
        while self._waiting:
            here = self._waiting.popleft()
            state = self._states[here]
            what = broken(state)
            if what is not None:
                return Counterexample(what, self._trace(here))
            for kind, says, to in steps(state, self.protocol):
                there = self._reach(to, here, says, self._depths[here] + 1)
                if there == here:
                    continue
                self._edges += 1
                if kind == "step":
                    self._before[there].append(here)
        return None

    def _stuck(self) -> Counterexample | None:
        """A state from which the system, left alone, does not come to have delivered everything.

        If there is none, then every run without end and without further faults or commands gets
        there, as long as it does not for ever avoid a step that it could take again and again; and
        stays there.
        """
        goal = {place for place, state in enumerate(self._states) if is_complete(state)}
        reached = set(goal)
        waiting = deque(goal)
        while waiting:
            for before in self._before[waiting.popleft()]:
                if before not in reached:
                    reached.add(before)
                    waiting.append(before)
        for place in range(len(self._states)):
            if place not in reached:
                trace = [*self._trace(place), *self._left_alone(self._states[place])]
                return Counterexample("left alone, it never delivers all", trace)
        for place in range(len(self._states)):
            if place not in goal and any(before in goal for before in self._before[place]):
                return Counterexample("what was delivered does not stay so", self._trace(place))
        return None

    def _left_alone(self, state: State) -> Iterator[Moment]:
        """One way on, without faults and commands, until nothing is new any more."""
        seen = {state}
        while True:
            new = [
                Moment(step.says, step.to)
                for step in steps(state, self.protocol)
                if step.kind == "step" and step.to not in seen
            ]
            if not new:
                return
            state = new[0].state
            seen.add(state)
            yield new[0]

    def _trace(self, place: int) -> Sequence[Moment]:
        moments: list[Moment] = []
        while True:
            parent, says = self._came[place]
            moments.append(Moment(says, self._states[place]))
            if parent == place:
                return moments[::-1]
            place = parent


def told(counterexample: Counterexample) -> str:
    """The trace as a person reads it, one line a moment."""
    lines = [f"{counterexample.broken}:"]
    width = max(len(moment.says) for moment in counterexample.trace)
    for number, (says, state) in enumerate(counterexample.trace):
        lines.append(f"{number:3}. {says:{width}}   {' '.join(_shown(state))}")
    return "\n".join(lines)


def _shown(state: State) -> Iterator[str]:
    yield f"log[{_rows(state.log)}]"
    waiting = " ".join(("✓" if m.acked else "") + _rows([m.row]) for m in state.stream)
    yield f"stream[{waiting}]"
    yield f"held[{_rows(state.held)}]"


def _rows(rows: Sequence[Row]) -> str:
    return " ".join(f"{epoch}.{sequence}{event}" for (epoch, sequence), event in rows)
