"""Closing an issue with exactly one resolution, and opening it again."""

from __future__ import annotations

from typing import Final

import msgspec

from services.ops_issues.domain.commands import Close, Reopen
from services.ops_issues.domain.decisions.context import Context, Decision, accepted
from services.ops_issues.domain.ops_issue import Closed, NeedsReview, OpsIssue, Reopening
from services.ops_issues.domain.rules import Rule
from shared.events import ops
from shared.events.decision import Refused
from shared.events.vocabulary import ClosureCause, ReopenReason

_NEW_ISSUE: Final = "open a new issue that names this one as prior_issue"


def decide_close(command: Close, issue: OpsIssue, context: Context) -> Decision:
    if (refusal := _refuse_target(command, issue)) is not None:
        return refusal
    by_default: ClosureCause = (
        "mistake" if command.resolution == "Opened by Mistake" else "resolved"
    )
    cause = command.cause or by_default
    stage = issue.stage
    if isinstance(stage, Closed):
        held = (stage.resolution, stage.comment, stage.cause, stage.duplicate_of)
        if held == (command.resolution, command.comment, cause, command.duplicate_of):
            return accepted()
        return Refused(
            Rule.ALREADY_CLOSED,
            f"it is closed as {stage.resolution}, and has one resolution only:"
            " reopen it (correct-resolution) to change that, or comment on it",
        )
    return accepted(
        ops.Closed(
            resolution=command.resolution,
            comment=command.comment,
            cause=cause,
            teams=issue.assigned,
            duplicate_of=command.duplicate_of,
            heard=issue.heard,
        )
    )


def _refuse_target(command: Close, issue: OpsIssue) -> Refused | None:
    if command.resolution != "Duplicate":
        if command.duplicate_of is None:
            return None
        return Refused(
            Rule.OTHER_ISSUE_IS_FOR_DUPLICATES,
            f"an issue closed as {command.resolution} has no duplicate_of: link the other instead",
        )
    if command.duplicate_of is None:
        return Refused(
            Rule.DUPLICATE_NAMES_THE_OTHER_ISSUE, "name the issue that it repeats in duplicate_of"
        )
    if command.duplicate_of == issue.key:
        return Refused(Rule.NOT_TO_ITSELF, f"{issue.key} cannot be a duplicate of itself")
    return None


def decide_reopen(command: Reopen, issue: OpsIssue, context: Context) -> Decision:
    try:
        reason: ReopenReason = msgspec.convert(command.reason, ReopenReason)
    except msgspec.ValidationError:
        return Refused(
            Rule.CHANGED_EXPERIENCE_NEEDS_A_NEW_ISSUE,
            "an issue is reopened for late-verification or correct-resolution only:"
            f" for anything else, {_NEW_ISSUE}",
        )
    stage = issue.stage
    if not isinstance(stage, Closed):
        said_before = Reopening(reason, command.comment)
        if isinstance(stage, NeedsReview) and stage.reopening == said_before:
            return accepted()
        return Refused(Rule.NOT_CLOSED, f"it is open, in {issue.status}: go on with it")
    if stage.cause == "non-responsive" and reason == "late-verification":
        return Refused(
            Rule.NON_RESPONSIVE_CLOSURE_NEEDS_A_NEW_ISSUE,
            f"it was closed because nobody answered: if the problem remains, {_NEW_ISSUE}",
        )
    # Correcting the record is no news for the teams.
    teams = issue.assigned if reason == "late-verification" else ()
    return accepted(
        ops.Reopened(reason=reason, comment=command.comment, teams=teams, heard=issue.heard)
    )
