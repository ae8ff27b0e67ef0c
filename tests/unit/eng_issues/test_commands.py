"""What is wrong with a body whatever the state: a missing member, or one of another shape."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from services.eng_issues.domain import commands
from services.eng_issues.domain.commands import TEXT_CHARS_MAX, Command

WORKFLOW = {"statuses": ["A", "R", "C"], "default": "A", "review": "R", "closed": ["C"]}
VALID: dict[type[Command], dict[str, Any]] = {
    commands.DefineTeam: {"name": "Mobile", "workflow": WORKFLOW},
    commands.Claim: {},
    commands.Reject: {"comment": "Not ours.", "belongs_to": "unknown"},
    commands.SendToReview: {"comment": "Which device?"},
    commands.Link: {"issue": "MOB-3"},
    commands.Unlink: {"issue": "MOB-3"},
    commands.CreateIssue: {"team": "MOB", "summary": "Slow", "severity": "4 - Low"},
    commands.Move: {"status": "Done"},
    commands.Assign: {"assignee": "bo"},
    commands.Comment: {"body": "Looking.", "visibility": "public"},
}
TEXTS = [
    (commands.Claim, "comment"),
    (commands.Reject, "comment"),
    (commands.SendToReview, "comment"),
    (commands.CreateIssue, "summary"),
    (commands.Move, "comment"),
    (commands.Comment, "body"),
]


@pytest.mark.parametrize(("kind", "body"), VALID.items())
def test_a_body_with_what_must_be_there_is_read(kind: type[Command], body: dict[str, Any]) -> None:
    assert isinstance(msgspec.convert(body, kind), kind)


@pytest.mark.parametrize(
    ("kind", "member"),
    [(kind, m) for kind, body in VALID.items() for m in body if m != "workflow"],
)
def test_a_member_that_is_always_required_is_missed(kind: type[Command], member: str) -> None:
    body = {name: value for name, value in VALID[kind].items() if name != member}

    with pytest.raises(msgspec.ValidationError, match=member):
        msgspec.convert(body, kind)


@pytest.mark.parametrize("kind", VALID)
def test_a_member_that_is_not_known_is_told(kind: type[Command]) -> None:
    with pytest.raises(msgspec.ValidationError, match="coment"):
        msgspec.convert(VALID[kind] | {"coment": "?"}, kind)


@pytest.mark.parametrize(("kind", "member"), TEXTS)
@pytest.mark.parametrize("text", ["", "  \n ", "a\0b", "x" * (TEXT_CHARS_MAX + 1), 5])
def test_a_text_says_something_and_is_not_too_long(
    kind: type[Command], member: str, text: object
) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(VALID[kind] | {member: text}, kind)


@pytest.mark.parametrize(
    ("kind", "member", "value"),
    [
        (commands.Link, "issue", "mob-3"),
        (commands.Link, "issue", "MOB-0"),
        (commands.CreateIssue, "team", "mobile"),
        (commands.CreateIssue, "severity", "critical"),
        (commands.Comment, "visibility", "secret"),
        (commands.Move, "status", " "),
        (commands.DefineTeam, "workflow", WORKFLOW | {"statuses": []}),
        (commands.DefineTeam, "workflow", {"statuses": ["A"], "default": "A", "closed": ["A"]}),
    ],
)
def test_a_member_of_another_shape_is_refused(
    kind: type[Command], member: str, value: object
) -> None:
    with pytest.raises(msgspec.ValidationError, match=member):
        msgspec.convert(VALID[kind] | {member: value}, kind)


@pytest.mark.parametrize("kind", VALID)
def test_the_constraints_are_in_the_schema(kind: type[Command]) -> None:
    schema = msgspec.json.schema(kind)["$defs"][kind.__name__]

    assert schema["additionalProperties"] is False
    texts = [p for p in schema["properties"].values() if p.get("type") == "string"]
    assert all("pattern" in text or "enum" in text for text in texts)
