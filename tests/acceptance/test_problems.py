"""Contract §6: what goes wrong is said as problem+json, in one shape."""

from __future__ import annotations

import json

import pytest

from tests.acceptance.world import ISSUE, PROBLEM, World, problem, wrong_fields

pytestmark = [pytest.mark.integration]

JSON = {"Content-Type": "application/json"}
KIB = 1024
TEXT_MAX = 128 * KIB
BOTH = pytest.mark.parametrize("name", ["ops", "eng"])


@BOTH
@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nonsense",
        b'{"summary": "\xff"}',
        b'{"summary": "\\ud800"}',
        b"[" * 10_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b"{}{}",
        b"\xef\xbb\xbf{}",
    ],
    ids=range(8),
)
async def test_a_body_that_is_unreadable(world: World, name: str, body: bytes) -> None:
    service = world.ops if name == "ops" else world.eng

    answer = await service.ask("POST", "/issues", headers=JSON, content=body)

    said = problem(answer, 400)
    assert said["type"] == "/problems/unreadable"
    assert said["instance"] == f"urn:uuid:{answer.headers['x-request-id']}"


@BOTH
@pytest.mark.parametrize("body", [b"[]", b"null", b'"text"', b"7", b"true"])
async def test_a_body_that_is_no_object(world: World, name: str, body: bytes) -> None:
    service = world.ops if name == "ops" else world.eng

    assert wrong_fields(await service.ask("POST", "/issues", headers=JSON, content=body)) == {
        "body"
    }


@pytest.mark.parametrize("media", ["text/plain", "application/xml", "multipart/form-data"])
async def test_a_body_of_another_media_type(world: World, media: str) -> None:
    answer = await world.ops.ask(
        "POST", "/issues", headers={"Content-Type": media}, content=json.dumps(ISSUE).encode()
    )

    problem(answer, 415)


@BOTH
async def test_a_path_that_no_route_has(world: World, name: str) -> None:
    service = world.ops if name == "ops" else world.eng
    for path in ("/", "/nowhere", "/issues/OPS-1/close/more", "/issues/%00", "/issues/a%0ab"):
        said = problem(await service.ask("GET", path), 404)
        assert said["type"] == "/problems/not-found"


@BOTH
async def test_a_method_that_a_path_has_not(world: World, name: str) -> None:
    service = world.ops if name == "ops" else world.eng

    answer = await service.ask("DELETE", "/issues")

    problem(answer, 405)
    assert set(answer.headers["allow"].split(", ")) >= {"GET", "POST"}


async def test_every_wrong_field_is_named_with_what_to_do(world: World) -> None:
    body = {
        "summary": " ",
        "severity": "urgent",
        "source_case": {"system": "a b"},
        "institutions": [{"id": 1, "name": "A"}, {}],
        "colour": "red",
    }

    said = problem(await world.ops.ask("POST", "/issues", body), 422)

    errors = {each["field"]: each["detail"] for each in said["errors"]}
    assert errors.keys() == {
        *("summary", "severity", "source_case.system", "source_case.number"),
        *("institutions[0].id", "institutions[1].id", "institutions[1].name", "colour"),
    }
    assert "1 - Critical" in errors["severity"]
    assert "required" in errors["source_case.number"]
    assert "rule" not in said


async def test_a_rule_is_named_where_a_rule_refused(world: World) -> None:
    case = await world.case()

    answer = await case.told("reopen", {"reason": "late-verification", "comment": "Again."})

    said = problem(answer, 409, "not-closed")
    assert said["type"] == "/problems/rule-refused"
    assert said["title"]
    assert said["detail"]


@BOTH
async def test_a_type_can_be_read_at_its_address(world: World, name: str) -> None:
    service = world.ops if name == "ops" else world.eng
    said = problem(await service.ask("GET", "/issues/OPS-999999999"), 404)

    kind = await service.get(said["type"])

    assert (kind["type"], kind["status"], kind["title"]) == (said["type"], 404, said["title"])


@pytest.mark.parametrize("letter", ["x", "ä", "後", "😀"])
async def test_the_longest_text_is_taken_and_published(world: World, letter: str) -> None:
    """Any text is at most 128 KiB, counted in UTF-8."""
    case = await world.case()
    longest = letter * (TEXT_MAX // len(letter.encode()))

    await case.tell("comment", body=longest, visibility="internal")

    assert (await case.last("commented"))["data"]["comment"] == longest
    assert (await case.last("commented", "eng"))["data"]["comment"] == longest
    answer = await case.told("comment", {"body": f"{longest}{letter}", "visibility": "internal"})
    assert [each["field"] for each in problem(answer, 413)["errors"]] == ["body"]


async def test_an_entry_that_could_not_be_published_is_too_large(world: World) -> None:
    """Each text is small enough, and all together are more than 256 KiB."""
    many = [{"id": f"{n}", "name": "n" * 256} for n in range(1000)]
    before = (await world.ops.get("/lag"))["position"]

    problem(await world.ops.ask("POST", "/issues", {**ISSUE, "institutions": many}), 413)

    assert (await world.ops.get("/lag"))["position"] == before
    fewer = await world.ops.post("/issues", {**ISSUE, "institutions": many[:800]})
    await world.settled()
    assert len(await world.eng.history(fewer["key"])) == 1


async def test_a_body_that_is_larger_than_any(world: World) -> None:
    content = b'{"summary": "%s"}' % (b"x" * (2 * KIB * KIB))

    problem(await world.ops.ask("POST", "/issues", headers=JSON, content=content), 413)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=many", "limit"),
        ("limit=1&limit=2", "limit"),
        ("cursor=nonsense", "cursor"),
        ("severity=urgent", "severity"),
        ("status=Elsewhere", "status"),
        ("as_of=yesterday", "as_of"),
        ("q=%00", "q"),
    ],
)
async def test_a_parameter_that_is_wrong(world: World, query: str, field: str) -> None:
    assert wrong_fields(await world.ops.ask("GET", f"/issues?{query}")) == {field}


@BOTH
async def test_what_is_no_http_request(world: World, name: str) -> None:
    service = world.ops if name == "ops" else world.eng

    answer = await service.ask("GET", "/issues", headers={"X-Long": "x" * 100_000})

    assert answer.status_code == 400
    assert answer.headers["content-type"] == PROBLEM
