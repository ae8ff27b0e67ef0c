import msgspec
import pytest

from shared.events import eng, intake_eng, intake_ops, ops
from shared.events.intake import IntakeBody
from tests.kit.intake_examples import FULL, MINIMAL

KINDS = [*intake_ops.BODIES, *intake_eng.BODIES]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.__module__}.{kind.TYPE}")
def test_each_body_has_examples_and_refuses_what_it_does_not_know(kind: type[IntakeBody]) -> None:
    for body in (MINIMAL[kind], FULL[kind]):
        assert msgspec.json.decode(msgspec.json.encode(body), type=kind) == body
    misspelt = {**msgspec.to_builtins(MINIMAL[kind]), "summery": "x"}
    with pytest.raises(msgspec.ValidationError, match="unknown field `summery`"):
        msgspec.convert(misspelt, kind)


@pytest.mark.parametrize(
    ("published", "accepted"),
    [
        (ops.Opened, intake_ops.Opened),
        (ops.Amended, intake_ops.Amended),
        (eng.Claimed, intake_eng.Claimed),
        (eng.Rejected, intake_eng.Rejected),
        (eng.SentToReview, intake_eng.SentToReview),
        (eng.Closed, intake_eng.Closed),
        (eng.Progressed, intake_eng.Progressed),
    ],
)
def test_what_caselog_publishes_another_system_may_say_in_the_same_words(
    published: type[msgspec.Struct], accepted: type[IntakeBody]
) -> None:
    assert set(published.__struct_fields__) == set(accepted.__struct_fields__)


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_a_required_text_says_something(text: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"\$.comment"):
        msgspec.convert({"comment": text}, intake_ops.CustomerUpdated)


def test_a_comment_may_be_called_body_but_not_both() -> None:
    one, other = {"comment": "x"}, {"body": "x"}

    assert msgspec.convert(one, intake_ops.Commented).text == "x"
    assert msgspec.convert(other, intake_ops.Commented).text == "x"
    for wrong in ({}, one | other):
        with pytest.raises(msgspec.ValidationError, match="either `comment` or `body`"):
            msgspec.convert(wrong, intake_ops.Commented)


@pytest.mark.parametrize("system", ["", "a b", "a:b", "x" * 65])
def test_the_name_of_a_source_case_can_be_told_apart(system: str) -> None:
    case = {"system": system, "number": "1"}

    with pytest.raises(msgspec.ValidationError, match=r"source_case\.system"):
        msgspec.convert(
            {"summary": "x", "severity": "4 - Low", "source_case": case}, intake_ops.Opened
        )
