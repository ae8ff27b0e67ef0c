"""Every decision by its command, behind the one rule that they share: a closed issue rests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from services.ops_issues.domain import commands
from services.ops_issues.domain.commands import Command
from services.ops_issues.domain.decisions.closing import decide_close, decide_reopen
from services.ops_issues.domain.decisions.context import Context, Decision
from services.ops_issues.domain.decisions.opening import (
    decide_acknowledge,
    decide_add_institution,
    decide_amend,
)
from services.ops_issues.domain.decisions.ownership import (
    decide_await_info,
    decide_hand_to_product,
    decide_return_to_triage,
    decide_take_ownership,
)
from services.ops_issues.domain.decisions.record import (
    decide_add_label,
    decide_attach_evidence,
    decide_comment,
    decide_contact_customer,
    decide_customer_responded,
    decide_customer_updated,
    decide_link,
    decide_remove_label,
    decide_unlink,
)
from services.ops_issues.domain.decisions.teams import (
    decide_assign_team,
    decide_request_update,
    decide_return_to_engineering,
    decide_unassign_team,
)
from services.ops_issues.domain.ops_issue import OpsIssue
from services.ops_issues.domain.rules import Rule
from shared.events.decision import Refused

DECISIONS: Final[Mapping[type[Command], Callable[[Any, OpsIssue, Context], Decision]]] = {
    commands.Acknowledge: decide_acknowledge,
    commands.Amend: decide_amend,
    commands.AssignTeam: decide_assign_team,
    commands.UnassignTeam: decide_unassign_team,
    commands.TakeOwnership: decide_take_ownership,
    commands.AwaitInfo: decide_await_info,
    commands.ContactCustomer: decide_contact_customer,
    commands.CustomerResponded: decide_customer_responded,
    commands.CustomerUpdated: decide_customer_updated,
    commands.ReturnToEngineering: decide_return_to_engineering,
    commands.ReturnToTriage: decide_return_to_triage,
    commands.HandToProduct: decide_hand_to_product,
    commands.Comment: decide_comment,
    commands.AttachEvidence: decide_attach_evidence,
    commands.AddLabel: decide_add_label,
    commands.RemoveLabel: decide_remove_label,
    commands.AddInstitution: decide_add_institution,
    commands.Link: decide_link,
    commands.Unlink: decide_unlink,
    commands.RequestUpdate: decide_request_update,
    commands.Close: decide_close,
    commands.Reopen: decide_reopen,
}

ON_CLOSED_ISSUES: Final = frozenset(
    {
        commands.Comment,
        commands.AttachEvidence,
        commands.Link,
        commands.Unlink,
        commands.Close,
        commands.Reopen,
    }
)


def decide(command: Command, issue: OpsIssue, context: Context) -> Decision:
    """What a command leads to. The status that follows is added by ``fold.with_status``."""
    if issue.is_closed and type(command) not in ON_CLOSED_ISSUES:
        return Refused(
            Rule.ISSUE_IS_CLOSED,
            "it takes comments, evidence and links only: reopen it if the same problem is back,"
            " or open a new issue that names this one as prior_issue",
        )
    return DECISIONS[type(command)](command, issue, context)
