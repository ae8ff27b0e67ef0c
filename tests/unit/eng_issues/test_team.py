"""Teams and their workflows."""

from typing import Any

import msgspec
import pytest

from services.eng_issues.domain.commands import DefineTeam, WorkflowBody
from services.eng_issues.domain.events import Said
from services.eng_issues.domain.team import DEFAULT_WORKFLOW
from shared.events import eng
from shared.events.vocabulary import Workflow
from tests.kit.given_when_then import given
from tests.unit.eng_issues.engineering import Engineering
from tests.unit.eng_issues.steps import define, story

STATUSES = ("Backlog", "Doing", "Ask Ops", "Shipped", "Dropped")


def with_workflow(**changes: Any) -> DefineTeam:
    members: dict[str, Any] = {
        "statuses": STATUSES,
        "default": "Backlog",
        "review": "Ask Ops",
        "closed": ("Shipped", "Dropped"),
    }
    return DefineTeam(name="Mobile", workflow=WorkflowBody(**(members | changes)))


def test_a_team_has_names_of_its_own_for_its_statuses() -> None:
    command = msgspec.structs.replace(
        with_workflow(), manager="Eve", product_manager="Pat", domains=("login",), channel="#mob"
    )

    given(Engineering()).when(define("MOB", command)).then(
        Said(
            subject="MOB",
            data=eng.TeamDefined(
                team="MOB",
                name="Mobile",
                workflow=Workflow(
                    statuses=STATUSES,
                    default="Backlog",
                    review="Ask Ops",
                    closed=("Shipped", "Dropped"),
                ),
                domains=("login",),
                manager="Eve",
                product_manager="Pat",
                channel="#mob",
            ),
        )
    )


def test_a_team_without_a_workflow_gets_the_default_one() -> None:
    assert story(define("MOB")).team("MOB").workflow == DEFAULT_WORKFLOW


def test_a_team_that_is_defined_anew_without_a_workflow_keeps_its_own() -> None:
    after = story(define("MOB", with_workflow()), define("MOB", DefineTeam(name="Phones")))

    assert (after.team("MOB").name, after.team("MOB").workflow.default) == ("Phones", "Backlog")


def test_defining_a_team_as_it_is_adds_nothing() -> None:
    given(story(define("MOB", with_workflow()))).when(
        define("MOB", with_workflow())
    ).nothing_happened()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"review": "Waiting"}, "workflow.review"),
        ({"review": "Backlog"}, "workflow.review"),
        ({"default": "To Do"}, "workflow.default"),
        ({"closed": ("Gone",)}, "workflow.closed"),
        ({"closed": ()}, "workflow.closed"),
        ({"closed": ("Ask Ops",)}, "workflow.closed"),
        ({"closed": ("Backlog",)}, "workflow.closed"),
        ({"statuses": (*STATUSES, "Doing")}, "workflow.statuses"),
    ],
)
def test_a_workflow_that_cannot_be_acted_on_is_a_wrong_field(
    changes: dict[str, Any], field: str
) -> None:
    given(Engineering()).when(define("MOB", with_workflow(**changes))).invalid(field)


@pytest.mark.parametrize("key", ["OPS", "mob", "1ST", "A" * 17, "MO-B", ""])
def test_some_keys_are_no_team_s(key: str) -> None:
    given(Engineering()).when(define(key)).invalid("team")


def test_a_workflow_without_a_review_status_is_refused() -> None:
    body = {"name": "Mobile", "workflow": {"statuses": ["A", "B"], "default": "A", "closed": ["B"]}}

    with pytest.raises(msgspec.ValidationError, match="review"):
        msgspec.convert(body, DefineTeam)
