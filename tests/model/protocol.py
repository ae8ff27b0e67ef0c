"""What author, relay and receiver do: every step that they can take from a state."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.faults import broker_faults, process_faults
from tests.model.states import LETTERS, Message, Protocol, Row, State, Step, named


def steps(state: State, protocol: Protocol) -> Iterator[Step]:
    """Everything that may happen next."""
    yield from _author(state, protocol)
    yield from _relay(state, protocol)
    yield from _restored(state, protocol)
    yield from _receiver(state, protocol)
    yield from _healing(state, protocol)
    yield from broker_faults(state)
    yield from process_faults(state, protocol)


# --- the author -------------------------------------------------------------------------------


def _author(state: State, protocol: Protocol) -> Iterator[Step]:
    if not state.author_up:
        yield Step("step", "the author starts", state._replace(author_up=True))
        return
    may_commit = not state.restored or not protocol.read_only
    if state.left.events and may_commit:
        event, number = LETTERS[len(state.ever)], (state.epoch, len(state.log) + 1)
        yield Step(
            "command",
            f"the author commits {named((number, event))}",
            state._replace(
                log=(*state.log, (number, event)),
                ever=(*state.ever, number),
                left=state.left._replace(events=state.left.events - 1),
            ),
        )
    news = not state.overdue and (len(state.log) > len(state.held) or state.epoch != state.known)
    if protocol.heads and state.is_open and state.receiver_up and news:
        told = state.known if state.known == state.epoch else None
        yield Step(
            "step",
            f"the author announces {len(state.log)} of epoch {state.epoch}",
            state._replace(overdue=len(state.log) > len(state.held), known=told),
        )


def _relay(state: State, protocol: Protocol) -> Iterator[Step]:
    """Publishes what follows its cursor, in order. The broker's answer may be lost."""
    if not state.is_open:
        return
    if state.sending is not None:
        says = f"the relay publishes {named(state.sending)}"
        yield Step("step", says, _published(state, state.sending)._replace(sending=None))
        return
    if state.cursor is None:
        last = state.stream[-1].number[1] if state.stream else 0
        cursor = last if last <= len(state.log) else 0
        yield Step("step", f"the relay begins after {cursor}", state._replace(cursor=cursor))
        return
    if state.cursor < len(state.log):
        row = state.log[state.cursor]
        moved = state._replace(cursor=state.cursor + 1)
        if protocol.cursor_first:
            says = f"the relay counts {named(row)} as published"
            yield Step("step", says, moved._replace(sending=row))
        else:
            says = f"the relay publishes {named(row)}"
            if row[0] in state.ids:
                yield Step("step", f"{says}; the broker says: duplicate", moved)
            else:
                yield Step("step", says, _published(moved, row))
                yield Step("step", f"{says}; the answer is lost", _published(state, row))
    yield from _resent(state, protocol)


def _resent(state: State, protocol: Protocol) -> Iterator[Step]:
    """Once per number that is in the stream, as an author's patience is longer than the model."""
    place = len(state.held)
    published = state.cursor is not None and place < state.cursor
    if not (protocol.resend and state.receiver_up and published):
        return
    row = state.log[place]
    copies = [message for message in state.stream if message.number == row[0]]
    if len(copies) > 1 or not all(message.acked for message in copies):
        return
    says = f"the relay publishes {named(row)} again, as nothing arrives"
    if protocol.fresh_ids:
        yield Step("step", says, _stored(state, row))
    else:
        yield Step("step", f"{says}; the broker says: duplicate", _published(state, row))


def _published(state: State, row: Row) -> State:
    if row[0] in state.ids:
        return state
    return _stored(state, row)._replace(ids=state.ids | {row[0]})


def _stored(state: State, row: Row) -> State:
    """Only which message is the last is ever looked at, so the order of the others is forgotten."""
    return state._replace(stream=(*sorted(state.stream), Message(*row)))


def _restored(state: State, protocol: Protocol) -> Iterator[Step]:
    """Hello, then event by event what was lost, then a new epoch."""
    if not (state.author_up and state.restored and state.receiver_up):
        return
    if not state.asked:
        says = f"the restored author says hello; {len(state.held)} are held of it"
        last = state.stream[-1].number[1] if state.stream else 0
        sees = protocol.evidence == "held or published" and last > len(state.log)
        said = state._replace(asked=True, lost=state.lost or sees)
        if protocol.fences:
            said = said._replace(known=None, hand=None, overdue=False)
        yield Step("step", says, said)
        return
    if protocol.recovers and len(state.log) < len(state.held):
        row = state.held[len(state.log)]
        says = f"the restored author takes back {named(row)}"
        epoch = max(state.epoch, row[0][0])
        yield Step("step", says, state._replace(log=(*state.log, row), epoch=epoch, lost=True))
        return
    waiting = state.hand is not None or any(not message.acked for message in state.stream)
    if protocol.drains and waiting:
        return
    epoch = state.epoch
    if protocol.bumps and state.lost:
        epoch = 1 + (state.epochs if protocol.fresh_epochs else epoch)
    yield Step(
        "step",
        f"the restored author goes on in epoch {epoch}",
        state._replace(
            restored=False, lost=False, asked=False, epoch=epoch, epochs=max(epoch, state.epochs)
        ),
    )


# --- the receiver -----------------------------------------------------------------------------


def _receiver(state: State, protocol: Protocol) -> Iterator[Step]:
    if not state.receiver_up:
        yield Step("step", "the receiver starts", state._replace(receiver_up=True))
        return
    if state.alarm:
        return
    if state.known is None:
        if _answers(state, protocol):
            says = f"the receiver hears that the author is in epoch {state.epoch}"
            yield Step("step", says, state._replace(known=state.epoch))
        return
    if state.hand is None:
        for message in {m for m in state.stream if not m.acked}:
            says = f"the receiver is sent {named(message.row)}"
            fetched = state._replace(hand=(message, True))
            if protocol.ack_first:
                says, fetched = f"{says} and acknowledges it", _acked(fetched, message)
            yield Step("step", says, fetched)
        return
    message, is_new = state.hand
    if is_new:
        yield from _taken(state, message, protocol)
    else:
        says = f"the receiver acknowledges {named(message.row)}"
        yield Step("step", says, _acked(state, message)._replace(hand=None))


def _answers(state: State, protocol: Protocol) -> bool:
    """An author that waits for the receiver has to answer it while it recovers."""
    return state.is_open or (state.author_up and protocol.drains)


def _taken(state: State, message: Message, protocol: Protocol) -> Iterator[Step]:
    """The one rule of the receiver: what it does with a message."""
    assert state.known is not None
    (epoch, sequence), name = message.number, named(message.row)
    done = state._replace(hand=(message, False))
    if epoch > state.known:
        says = f"the receiver does not know the epoch of {name}, and asks the author"
        yield Step("step", says, state._replace(hand=None, known=None))
    elif epoch < state.known:
        yield Step("step", f"the receiver drops {name}: an old epoch", done)
    elif sequence <= len(state.held) and protocol.dedupes:
        if state.held[sequence - 1] == message.row:
            yield Step("step", f"the receiver drops {name}: it has it", done)
        else:
            says = f"the receiver has another event under the number of {name}, and stops"
            yield Step("step", says, state._replace(alarm=True))
    elif sequence == len(state.held) + 1 or not protocol.density or sequence <= len(state.held):
        held = (*state.held, message.row)
        yield Step("step", f"the receiver commits {name}", done._replace(held=held))


def _acked(state: State, message: Message) -> State:
    """The stream without its first delivery of this message."""
    for place, each in enumerate(state.stream):
        if each == message:
            acked = (message._replace(acked=True),)
            stream = state.stream[:place] + acked + state.stream[place + 1 :]
            return state._replace(stream=stream)
    return state


def _healing(state: State, protocol: Protocol) -> Iterator[Step]:
    """Asks the author for the next event, as a message or an announcement is further on."""
    if not state.receiver_up or state.known is None or state.alarm:
        return
    if not _answers(state, protocol):
        return
    hole = None
    if state.hand is not None and state.hand[1] and protocol.density:
        epoch, sequence = state.hand[0].number
        hole = state.hand[0] if epoch == state.known and sequence > len(state.held) + 1 else None
    if hole is None and (state.hand is not None or not state.overdue):
        return
    if state.known != state.epoch:
        says = "the receiver asks for what is missing, and hears of another epoch"
        yield Step("step", says, state._replace(hand=None, known=None))
    elif len(state.held) < len(state.log):
        row = state.log[len(state.held)]
        yield Step(
            "step",
            f"the receiver asks for what is missing, and commits {named(row)}",
            state._replace(held=(*state.held, row)),
        )
    elif hole is not None:
        says = f"the receiver puts {named(hole.row)} aside: the author has it not"
        yield Step("step", says, state._replace(hand=(hole, False)))
    else:
        yield Step("step", "the receiver has all there is", state._replace(overdue=False))
