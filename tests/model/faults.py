"""What may go wrong: broker and processes, as often as the budget has it."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.states import Protocol, State, Step, named


def broker_faults(state: State) -> Iterator[Step]:
    left = state.left
    for place, message in enumerate(state.stream):
        name = named(message.row)
        rest = state.stream[:place], state.stream[place + 1 :]
        is_last = place == len(state.stream) - 1
        if left.losses and (is_last or not message.acked):
            spent = left._replace(losses=left.losses - 1)
            says = f"the broker loses {name}"
            yield Step("fault", says, state._replace(stream=rest[0] + rest[1], left=spent))
        if left.duplicates and message.acked:
            spent = left._replace(duplicates=left.duplicates - 1)
            stream = (*rest[0], message._replace(acked=False), *rest[1])
            says = f"the broker will deliver {name} again"
            yield Step("fault", says, state._replace(stream=stream, left=spent))
    if left.wipes and state.stream:
        spent = left._replace(wipes=left.wipes - 1)
        purged = state._replace(stream=(), left=spent)
        yield Step("fault", "the stream is purged; the broker knows its ids still", purged)
        yield Step("fault", "the broker is wiped", purged._replace(ids=frozenset()))


def process_faults(state: State, protocol: Protocol) -> Iterator[Step]:
    left = state.left
    if left.crashes:
        spent = left._replace(crashes=left.crashes - 1)
        if state.author_up:
            crashed = _author_gone(state, protocol)._replace(left=spent)
            yield Step("fault", "the author crashes", crashed)
        if state.receiver_up:
            yield Step("fault", "the receiver crashes", _receiver_gone(state)._replace(left=spent))
    if left.restores:
        spent = left._replace(restores=left.restores - 1)
        yield from _author_restores(_author_gone(state, protocol)._replace(left=spent), protocol)
        gone = _receiver_gone(state)._replace(left=spent)
        for length in range(len(state.held)):
            says = f"the receiver's database is put back to when it held {length}"
            yield Step("fault", says, gone._replace(held=state.held[:length]))


def _author_restores(state: State, protocol: Protocol) -> Iterator[Step]:
    is_told = protocol.evidence == "told"
    for length in range(len(state.log) + 1):
        log = state.log[:length]
        first = log[-1][0][0] if log else 1
        last = state.log[length][0][0] if length < len(state.log) else state.epoch
        for epoch in range(first, last + 1):
            says = f"the author's database is put back to when it had {length}, in epoch {epoch}"
            back = state._replace(log=log, epoch=epoch, restored=True, lost=is_told)
            if back.cursor is not None:
                back = back._replace(cursor=min(back.cursor, length))
            yield Step("fault", says, back)


def _author_gone(state: State, protocol: Protocol) -> State:
    cursor = state.cursor if protocol.keeps_cursor else None
    return state._replace(author_up=False, asked=False, cursor=cursor, sending=None)


def _receiver_gone(state: State) -> State:
    return state._replace(receiver_up=False, known=None, hand=None, overdue=False)
