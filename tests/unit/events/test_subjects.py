import fnmatch
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events import subjects
from shared.events.intake import Service

services: st.SearchStrategy[Service] = st.sampled_from(["ops", "eng"])
tokens = st.from_regex(re.compile(subjects.TOKEN, re.ASCII), fullmatch=True)
UNSAFE = ["", " ", "a b", "a.b", "*", ">", "a>", "ä", "a\n", "a\x00", "x" * 129]


@given(services, tokens, tokens)
def test_an_event_subject_is_read_as_it_was_built(service: Service, key: str, kind: str) -> None:
    subject = subjects.event(service, key, kind)

    assert subjects.parse_event(subject) == (service, key, kind)


@given(services, tokens, tokens)
def test_an_intake_subject_is_read_as_it_was_built(
    service: Service, system: str, kind: str
) -> None:
    subject = subjects.intake(service, system, kind)

    assert subjects.parse_intake(subject) == (service, system, kind)


@given(tokens, tokens)
def test_a_receipt_subject_is_read_as_it_was_built(system: str, event_id: str) -> None:
    subject = subjects.receipt(system, event_id)

    assert subjects.parse_receipt(subject) == (system, event_id)


def test_subjects_are_those_of_the_contract() -> None:
    assert subjects.event("ops", "OPS-17", "team-assigned") == "ops.events.OPS-17.team-assigned"
    assert subjects.event("eng", "MOB", "team-defined") == "eng.events.MOB.team-defined"
    assert subjects.events("eng", event_type="claimed") == "eng.events.*.claimed"
    assert subjects.events("ops", key="OPS-17") == "ops.events.OPS-17.*"
    assert subjects.intake("ops", "servicenow", "opened") == "intake.ops.servicenow.opened"
    assert subjects.intake_of("eng") == "intake.eng.>"
    assert subjects.receipt("servicenow", "a-1") == "receipts.servicenow.a-1"
    assert subjects.receipts("servicenow") == "receipts.servicenow.*"
    assert subjects.head("eng") == "eng.head"
    assert subjects.log_read("ops") == "log.ops.read"


@pytest.mark.parametrize("part", UNSAFE)
def test_no_part_can_break_out_of_its_subject(part: str) -> None:
    builds: list[Callable[[], str]] = [
        lambda: subjects.event("ops", part, "opened"),
        lambda: subjects.event("ops", "OPS-1", part),
        lambda: subjects.intake("eng", part, "claimed"),
        lambda: subjects.receipt("servicenow", part),
        lambda: subjects.receipts(part),
    ]
    for build in builds:
        with pytest.raises(subjects.NotAToken):
            build()


@given(st.text(max_size=60) | st.from_regex(r"(ops|eng|intake|receipts)(\.[a-z>* ]*){0,4}"))
def test_reading_never_fails_and_never_guesses(subject: str) -> None:
    read = (
        subjects.parse_event(subject),
        subjects.parse_intake(subject),
        subjects.parse_receipt(subject),
    )

    built = [
        subjects.event(*read[0]) if read[0] else None,
        subjects.intake(*read[1]) if read[1] else None,
        subjects.receipt(*read[2]) if read[2] else None,
    ]
    assert {text for text in built if text} <= {subject}


@given(services, tokens, tokens)
def test_each_subject_belongs_to_exactly_one_stream(service: Service, one: str, two: str) -> None:
    for subject, stream in (
        (subjects.event(service, one, two), subjects.EVENT_STREAMS[service]),
        (subjects.intake(service, one, two), subjects.INTAKE),
        (subjects.receipt(one, two), subjects.RECEIPTS),
        (subjects.head(service), None),
        (subjects.log_read(service), None),
    ):
        taken_by = [
            name
            for name, pattern in subjects.STREAM_SUBJECTS.items()
            if fnmatch.fnmatchcase(subject, pattern.replace(">", "*"))
        ]
        assert taken_by == ([stream] if stream else [])
