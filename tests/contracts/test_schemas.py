"""The schemas and the catalogue are what the code says, and the events are what the schemas say."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from shared.events import generate
from shared.events.codec import encode
from shared.events.described import Undescribed, fields
from shared.events.envelope import Published
from shared.events.jsonschemas import ACCEPTED, DIALECT, PUBLISHED, documents
from shared.events.reading import Announcement, HeadAnnouncement, ReadReply, ReadRequest
from tests.contracts.golden import FOLDER
from tests.kit.examples import CAUSE, example
from tests.kit.intake_examples import FULL
from tests.kit.strategies import structs

SCHEMAS = documents()
GOLDEN = sorted(FOLDER.glob("*.json"))


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator(schema, format_checker=FormatChecker())


def schema_of(golden: str) -> dict[str, Any]:
    """By a golden file's name: caselog.ops.opened.v1.full, intake.ops.opened.full."""
    match golden.split("."):
        case ["caselog", service, kind, version, _]:
            return SCHEMAS[f"{service}/{kind}.{version}.json"]
        case ["intake", service, kind, _]:
            return SCHEMAS[f"intake/{service}/{kind}.v1.json"]
        case _:
            raise AssertionError(golden)


def errors(schema: dict[str, Any], value: Any) -> list[str]:
    return [error.message for error in validator(schema).iter_errors(value)]


def test_what_is_checked_in_is_what_the_code_says() -> None:
    assert list(generate.differences(generate.generated())) == [], (
        "run: python -m shared.events.generate"
    )


def test_a_difference_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    monkeypatch.setattr(generate, "SCHEMAS", tmp_path / "schemas")
    monkeypatch.setattr(generate, "CATALOGUE", tmp_path / "events.md")

    assert generate.main(["--check"]) == 1
    assert "schemas/ops/opened.v1.json is missing" in capsys.readouterr().err
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
    (tmp_path / "schemas/ops/opened.v1.json").write_text("{}")
    (tmp_path / "schemas/ops/forgotten.v1.json").write_text("{}")
    assert generate.main(["--check"]) == 1
    assert capsys.readouterr().err.splitlines()[:2] == [
        "schemas/ops/opened.v1.json differs",
        "schemas/ops/forgotten.v1.json is of nothing that exists",
    ]
    assert generate.main(["--chekc"]) == 2


@pytest.mark.parametrize("path", SCHEMAS)
def test_each_schema_is_one_and_has_a_name_of_its_own(path: str) -> None:
    schema = SCHEMAS[path]

    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == DIALECT
    assert [other for other in SCHEMAS.values() if other["$id"] == schema["$id"]] == [schema]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_bytes_are_what_their_schema_says(path: Path) -> None:
    assert errors(schema_of(path.stem), json.loads(path.read_bytes())) == []


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_schema_asks_for_each_member_that_is_always_there(path: Path) -> None:
    schema, event = schema_of(path.stem), json.loads(path.read_bytes())

    for name in schema["required"]:
        without = {member: value for member, value in event.items() if member != name}
        assert errors(schema, without) == [f"'{name}' is a required property"]
    for name in schema["properties"]["data"]["required"]:
        data = {member: value for member, value in event["data"].items() if member != name}
        assert f"'{name}' is a required property" in errors(schema, {**event, "data": data})


@given(st.sampled_from([k for kinds in PUBLISHED.values() for k in kinds]).flatmap(structs))
def test_whatever_is_published_is_what_its_schema_says(body: Published) -> None:
    item = example(body, "full")

    entry = json.loads(encode(item.draft, item.stamp))

    assert errors(schema_of(item.name), entry) == []


def test_readers_are_told_to_expect_more_and_publishers_that_they_may_not_send_it() -> None:
    for service, kinds in PUBLISHED.items():
        for kind in kinds:
            schema = schema_of(f"{kind.TYPE}.full")
            assert "additionalProperties" not in schema["properties"]["data"], service
    for service, bodies in ACCEPTED.items():
        for body in bodies:
            schema = schema_of(f"intake.{service}.{body.TYPE}.full")["properties"]["data"]
            extra = {**msgspec.to_builtins(FULL[body]), "summery": "x"}
            assert any("summery" in error for error in errors(schema, extra))


def test_heads_and_pages_are_what_their_schemas_say() -> None:
    head = HeadAnnouncement(log=CAUSE, epoch=1, position=5, sequence=3)
    page = ReadReply(entries=("{}",), head=head)
    request = ReadRequest(after_position=0, limit=10, case="OPS-17")

    said = Announcement(log=CAUSE, epoch=1, position=5, sequence=3, received=2)

    assert errors(SCHEMAS["head.v1.json"], json.loads(msgspec.json.encode(said))) == []
    assert errors(SCHEMAS["log-read-reply.v1.json"], json.loads(msgspec.json.encode(page))) == []
    assert (
        errors(SCHEMAS["log-read-request.v1.json"], json.loads(msgspec.json.encode(request))) == []
    )
    assert errors(SCHEMAS["log-read-request.v1.json"], {"limit": 10})
    assert errors(SCHEMAS["log-read-request.v1.json"], {"after_position": 0, "after_sequence": 0})


def test_a_field_that_does_not_say_what_it_means_cannot_be_generated() -> None:
    class Vague(Published, frozen=True, kw_only=True):
        """Something happened.

        Attributes:
            clear: What it means.
        """

        clear: str
        unclear: str

    with pytest.raises(Undescribed, match="unclear"):
        fields(Vague)
