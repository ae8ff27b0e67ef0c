"""What is put on record: comments, evidence, labels, links, and what passed with the customer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from services.ops_issues.domain import events
from services.ops_issues.domain.commands import (
    MENTIONS_MAX,
    AddLabel,
    AttachEvidence,
    Comment,
    ContactCustomer,
    CustomerResponded,
    CustomerUpdated,
    Link,
    RemoveLabel,
    Unlink,
)
from services.ops_issues.domain.decisions.context import (
    Context,
    Decision,
    accepted,
    said,
    speaking,
)
from services.ops_issues.domain.ops_issue import Link as Made
from services.ops_issues.domain.ops_issue import OpsIssue
from services.ops_issues.domain.rules import Rule
from shared.events import ops
from shared.events.decision import Refused

# Not within an e-mail address or a path; a full stop ends a sentence, not a name. It begins with
# the character and looks back from there: that is searched for six times as fast.
_MENTION: Final = re.compile(r"@(?<![\w.@/+-]@)[^\W_][\w-]*(?:\.[\w-]+)*")
_LINK_WITH_TEXT: Final = re.compile(r"\[[^\]]*\]\(\s*(\S+?)\s*\)")
_LINKS: Final = re.compile(r"\W*(?:(?:[a-z][a-z0-9+.-]*://|www\.)\S+\s*)+", re.IGNORECASE)


def mentions(text: str, others: Iterable[str] = ()) -> tuple[str, ...]:
    """Who is mentioned, as ``@ann`` or ``@MOB``: the others, then those that the text names."""
    named = [f"@{other.removeprefix('@')}" for other in others]
    unique = dict.fromkeys(named + _MENTION.findall(text))
    return tuple(unique)[:MENTIONS_MAX]


def is_bare_link(content: str) -> bool:
    """Whether a content is nothing but links, plain or in Markdown."""
    return _LINKS.fullmatch(_LINK_WITH_TEXT.sub(r"\1", content)) is not None


def decide_comment(command: Comment, issue: OpsIssue, context: Context) -> Decision:
    return accepted(
        ops.Commented(
            comment=command.body,
            visibility=command.visibility,
            mentions=mentions(command.body, command.mentions),
            captured_from=said(command.captured_from),
            speaks_for=speaking(context, issue),
        )
    )


def decide_attach_evidence(command: AttachEvidence, issue: OpsIssue, context: Context) -> Decision:
    if command.kind == "log" and is_bare_link(command.content):
        return Refused(
            Rule.BARE_LINK_IS_NOT_EVIDENCE,
            "a log system forgets what the link shows: attach the lines themselves, and the query",
        )
    return accepted(
        events.EvidenceAttached(
            kind=command.kind,
            content=command.content,
            query=said(command.query),
            speaks_for=speaking(context, issue),
        )
    )


def decide_add_label(command: AddLabel, issue: OpsIssue, context: Context) -> Decision:
    if command.label in issue.labels:
        return accepted()
    return accepted(events.LabelAdded(label=command.label))


def decide_remove_label(command: RemoveLabel, issue: OpsIssue, context: Context) -> Decision:
    if command.label not in issue.labels:
        return accepted()
    return accepted(events.LabelRemoved(label=command.label))


def decide_link(command: Link, issue: OpsIssue, context: Context) -> Decision:
    if command.to == issue.key:
        return Refused(Rule.NOT_TO_ITSELF, f"{issue.key} cannot be linked to itself")
    if Made(command.kind, command.to) in issue.links or _is_engineerings(command, issue):
        return accepted()
    return accepted(
        events.Linked(kind=command.kind, to=command.to, speaks_for=speaking(context, issue))
    )


def decide_unlink(command: Unlink, issue: OpsIssue, context: Context) -> Decision:
    if Made(command.kind, command.to) in issue.links:
        return accepted(
            events.Unlinked(kind=command.kind, to=command.to, speaks_for=speaking(context, issue))
        )
    if _is_engineerings(command, issue):
        return Refused(
            Rule.LINK_IS_ENGINEERINGS,
            f"Engineering linked {command.to}: its team unlinks it, by rejecting the issue",
        )
    return accepted()


def decide_contact_customer(
    command: ContactCustomer, issue: OpsIssue, context: Context
) -> Decision:
    return accepted(
        events.CustomerContacted(
            channel=command.channel,
            comment=command.comment,
            contacted=None if issue.source_case is None else issue.source_case.owner,
        )
    )


def decide_customer_responded(
    command: CustomerResponded, issue: OpsIssue, context: Context
) -> Decision:
    return accepted(events.CustomerResponded(comment=said(command.comment)))


def decide_customer_updated(
    command: CustomerUpdated, issue: OpsIssue, context: Context
) -> Decision:
    return accepted(events.CustomerUpdated(comment=command.comment))


def _is_engineerings(command: Link | Unlink, issue: OpsIssue) -> bool:
    return command.kind == "tracks" and any(f.issue == command.to for f in issue.facets)
