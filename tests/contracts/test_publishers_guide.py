"""The guide for publishers names the rules and limits that the code keeps."""

from pathlib import Path

from shared.events import cloudevents, limits, subjects
from shared.events.intake import Fault, Receipt

GUIDE = (Path(__file__).parents[2] / "docs/publishers/README.md").read_text(encoding="utf-8")


def test_limits_are_those_of_the_code() -> None:
    characters = cloudevents.ATTRIBUTE_CHARS_MAX
    for said in (
        f"| an event | {limits.EVENT_BYTES_MAX // 1024} KiB |",
        f"| a text in it | {limits.TEXT_BYTES_MAX // 1024} KiB of UTF-8",
        f"| nesting | {limits.NESTING_MAX} objects",
        f"| {subjects.TOKEN_CHARS_MAX}, {characters}, {characters}, {characters} characters |",
        f"at most {characters} characters; the system",
        f"1 to {subjects.TOKEN_CHARS_MAX} letters, digits",
        f"{cloudevents.CLOCK_SKEW_MAX.seconds} s ahead",
        f"before {cloudevents.EARLIEST.year}",
        f"never `{cloudevents.OWN_SYSTEM}`",
    ):
        assert said in GUIDE, said


def test_every_fault_and_every_field_of_a_receipt_is_there() -> None:
    assert [fault for fault in Fault if f"| `{fault}` | 4" not in GUIDE] == []
    assert [name for name in Receipt.__struct_fields__ if f"| `{name}` |" not in GUIDE] == []


def test_every_stream_is_named() -> None:
    assert [name for name in subjects.STREAM_SUBJECTS if f"`{name}`" not in GUIDE] == [
        subjects.INTAKE  # nobody reads it
    ]
