"""A batch as one piece of the protocol."""

from __future__ import annotations

import pytest

from shared.bus.port import Message
from shared.bus.wire import frame


def test_a_message_is_one_command_with_its_sizes() -> None:
    message = Message("ops.events.OPS-1.opened", b'{"a":1}', {"Content-Type": "x"})

    command, _, rest = frame(message, "Nats-Batch-Id: b\r\n").partition(b"\r\n")

    headers = b"NATS/1.0\r\nContent-Type: x\r\nNats-Batch-Id: b\r\n\r\n"
    assert rest == headers + b'{"a":1}\r\n'
    assert command == b"HPUB ops.events.OPS-1.opened %d %d" % (len(headers), len(headers) + 7)


@pytest.mark.parametrize(
    "message",
    [
        Message("a b", b""),
        Message("a\r\nPUB x 0\r\n", b""),
        Message("a", b"", {"X": "1\r\nPUB x 0\r\n"}),
        Message("a", b"", {"X\n": "1"}),
    ],
)
def test_nothing_slips_in_a_command_of_its_own(message: Message) -> None:
    with pytest.raises(ValueError, match="line break"):
        frame(message)
