"""The checker finds every lie that a client can be told: on histories made by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import history
from tests.chaos.checker import Log, check
from tests.chaos.history import Line, Operation, Service, operations

TOKEN = "~person-1~"


def entry(service: Service, kind: str, at: int, text: str = "", **attributes: Any) -> bytes:
    """An entry as far as the checker reads it; its cause is its own unless given."""
    return json.dumps(
        {
            "id": f"{service}-{kind}-{at}",
            "source": f"/caselog/{service}",
            "type": f"caselog.{service}.{kind}.v1",
            "subject": "OPS-1",
            "causationid": f"request {at}",
            "position": at,
            "data": {"comment": text},
            **attributes,
        }
    ).encode()


def line(kind: str, time: float, **fields: Any) -> Line:
    """A line of a comment on Operations' side; an answer of ok names position 1."""
    told = {"status": 200, "position": 1, "version": 1, "stream": "OPS-1", "said": "{}"}
    given = {
        **(told if kind == "ok" else {}),
        "op": 1,
        "f": "comment",
        "service": "ops",
        "token": TOKEN,
        "key": "k",
        **fields,
    }
    return Line(time=time, process="person1", type=kind, **given)  # type: ignore[arg-type]


def logs(ops: list[bytes], eng: list[bytes] | None = None) -> dict[Service, Log]:
    """Both logs. Without its own, Engineering's holds what Operations published."""
    published = [raw for raw in ops if b'"sequence"' in raw]
    return {"ops": Log.of("ops", ops), "eng": Log.of("eng", published if eng is None else eng)}


SAID = entry("ops", "commented", 1, f"Chaos {TOKEN}", sequence=1)
ASKED = line("invoke", 1.0)
TOLD_OK = line("ok", 2.0)
REFUSED = line("refused", 2.0, status=409, rule="closed", said="no")
UNAVAILABLE = line("refused", 2.0, status=503, passes=True)
UNKNOWN = line("unknown", 2.0, rule="ReadTimeout")


def test_what_was_told_and_is_so_is_fine() -> None:
    assert check([ASKED, TOLD_OK], logs([SAID])) == []
    assert check([ASKED, REFUSED], logs([])) == []
    assert check([ASKED, UNAVAILABLE], logs([])) == []


@pytest.mark.parametrize("ops", [[], [SAID]], ids=["not there", "there once"])
def test_what_nobody_told_may_be_there_or_not(ops: list[bytes]) -> None:
    assert check([ASKED, UNKNOWN], logs(ops)) == []
    assert check([ASKED], logs(ops)) == []  # the client died before it was told


def test_told_ok_and_lost() -> None:
    assert check([ASKED, TOLD_OK], logs([])) == [
        "person1 ops comment ~person-1~: told ok, and 0 times in the log of ops"
    ]


@pytest.mark.parametrize("told", [TOLD_OK, UNKNOWN], ids=["told ok", "unknown"])
def test_twice_in_the_log(told: Line) -> None:
    twice = [SAID, entry("ops", "commented", 2, f"Chaos {TOKEN}", sequence=2)]

    (finding,) = check([ASKED, told], logs(twice))

    assert "2 times in the log" in finding


@pytest.mark.parametrize("told", [REFUSED, UNAVAILABLE], ids=["by a rule", "as unavailable"])
def test_refused_and_recorded(told: Line) -> None:
    (finding,) = check([ASKED, told], logs([SAID]))

    assert finding.endswith("refused, and in the log: commented 1, commented 1")


def test_a_trace_without_the_effect_is_half_of_it() -> None:
    stray = entry("ops", "status-changed", 1, f"Chaos {TOKEN}")

    (finding,) = check([ASKED, UNKNOWN], logs([stray]))

    assert finding.endswith("unknown, 0 times in the log, 1 traces")


def test_refused_once_and_unanswered_once_is_unknown() -> None:
    """Who asked twice and was refused only once knows nothing of the other time."""
    assert check([ASKED, UNKNOWN, line("invoke", 3.0), UNAVAILABLE], logs([SAID])) == []


def test_a_rule_that_refuses_under_the_same_key_speaks_of_the_first_time_too() -> None:
    told = [ASKED, UNKNOWN, line("invoke", 3.0), line("refused", 4.0, status=409, said="no")]

    assert len(check(told, logs([SAID]))) == 1


@pytest.mark.parametrize(
    "later",
    [
        line("ok", 4.0, position=2),
        line("ok", 4.0, said='{"version": 2}'),
        line("ok", 4.0, status=201),
        line("refused", 4.0, status=409, said="no"),
    ],
    ids=["another position", "another body", "another status", "a refusal"],
)
def test_a_repeat_that_is_answered_otherwise(later: Line) -> None:
    findings = check([ASKED, TOLD_OK, line("invoke", 3.0), later], logs([SAID]))

    assert any("then" in finding for finding in findings)


def test_a_repeat_that_is_answered_alike_is_fine() -> None:
    told = [ASKED, TOLD_OK, line("invoke", 3.0), UNAVAILABLE, line("invoke", 3.0), TOLD_OK]

    assert check(told, logs([SAID])) == []


def test_another_place_than_was_told() -> None:
    before = entry("ops", "acknowledged", 1)
    said = entry("ops", "commented", 2, f"Chaos {TOKEN}", sequence=1)

    findings = check([ASKED, TOLD_OK], logs([before, said]))

    assert findings == [
        "person1 ops comment ~person-1~: told position 1, is at 2",
        "person1 ops comment ~person-1~: told version 1 of OPS-1, was 2",
    ]


def test_one_request_in_two_pieces() -> None:
    """What one request adds is appended at once: nothing of others is in between."""
    said = entry("ops", "commented", 1, TOKEN, sequence=1, causationid="one")
    other = entry("ops", "acknowledged", 2)
    rest = entry("ops", "status-changed", 3, causationid="one")
    told = line("ok", 2.0, position=3, version=3)

    (finding,) = check([ASKED, told], logs([said, other, rest]))

    assert finding.endswith("appended in pieces: [1, 3]")


def test_what_was_asked_later_lies_before() -> None:
    later = entry("ops", "commented", 1, "~person-2~", sequence=1)
    first = entry("ops", "commented", 2, TOKEN, sequence=2)
    told = [
        ASKED,
        line("ok", 2.0, position=2, version=2),
        line("invoke", 3.0, op=2, token="~person-2~"),
        line("ok", 4.0, op=2, token="~person-2~", position=1, version=1),
    ]

    (finding,) = check(told, logs([later, first]))

    assert finding.endswith("was told, and lies before it: 1 < 2")


def test_asked_at_the_same_time_has_no_order() -> None:
    second = entry("ops", "commented", 1, "~person-2~", sequence=1)
    first = entry("ops", "commented", 2, TOKEN, sequence=2)
    told = [
        ASKED,
        line("invoke", 1.5, op=2, token="~person-2~"),
        line("ok", 2.0, position=2, version=2),
        line("ok", 2.5, op=2, token="~person-2~", position=1, version=1),
    ]

    assert check(told, logs([second, first])) == []


OTHER = entry("ops", "commented", 2, "other", sequence=2)


@pytest.mark.parametrize(
    ("held", "told"),
    [
        ([], "ops published 2, the other holds 0"),
        ([SAID], "ops published 2, the other holds 1"),
        ([SAID, OTHER, OTHER], "ops published 2, the other holds 3"),
        ([OTHER, SAID], "ops published 2, the other holds 2; they differ first at 1"),
        ([SAID, OTHER + b" "], "ops published 2, the other holds 2; they differ first at 2"),
    ],
    ids=["nothing", "lost", "doubled", "in another order", "other bytes"],
)
def test_the_other_holds_something_else(held: list[bytes], told: str) -> None:
    assert check([], logs([SAID, OTHER], held)) == [told]


def test_a_hole_in_what_is_published_or_a_wrong_place_in_the_log() -> None:
    said = entry("ops", "commented", 1, "one", sequence=1)
    hole = entry("ops", "commented", 3, "three", sequence=3)

    assert check([], logs([said, hole])) == [
        "ops: ops-commented-3 says 3, is at 2",
        "ops: sequence 3 where 2 is next",
    ]


def test_an_error_of_ours_is_a_finding_even_if_nothing_was_lost() -> None:
    failed = line("unknown", 2.0, status=500, rule="internal", said="Traceback")

    (finding,) = check([ASKED, failed], logs([]))

    assert finding.endswith("an internal error: Traceback")


def test_said_twice_adds_nothing_and_what_was_told_of_it_is_checked() -> None:
    """Moving to the status that an issue has is told ok: its version and place are true."""
    there = entry("eng", "issue-moved", 1, subject="MOB-1")
    asked = line("invoke", 1.0, service="eng", f="move")
    told = line("ok", 2.0, service="eng", f="move", stream="MOB-1")
    wrong = line("ok", 2.0, service="eng", f="move", stream="MOB-1", version=2)

    assert check([asked, told], logs([], [there])) == []
    assert len(check([asked, wrong], logs([], [there]))) == 1


def test_a_history_is_written_and_read_as_it_was(tmp_path: Path) -> None:
    told = [ASKED, UNKNOWN, line("invoke", 3.0), TOLD_OK]
    path = tmp_path / "history.jsonl"

    history.write(told, path)

    assert list(history.read(path)) == told
    assert operations(told) == [Operation(lines=tuple(told))]
