"""Engineering's log was restored: its boards follow what the cases tell of them.

What was published about the cases is back; what happened to the engineering issues themselves was
not published and is lost. A clone that is lost is made again under its key, an issue serves the
cases that are linked to it, and it stands where they leave it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from services.eng_issues.domain.case import Case
from services.eng_issues.domain.events import (
    IssueCreated,
    IssueLinked,
    IssueMoved,
    IssueUnlinked,
    Said,
)
from services.eng_issues.domain.issue import Issue
from services.eng_issues.domain.team import Team
from shared.events import eng
from shared.events.envelope import AnyRecorded


class Mention(Struct, frozen=True, kw_only=True):
    """What the cases say of an engineering issue.

    Attributes:
        team: Whose it is.
        clone_of: The ops issue that it was cloned from, if it was.
        resolution: How its work was closed last, if it was.
    """

    team: str
    clone_of: str | None = None
    resolution: str | None = None


def mentions(events: Iterable[AnyRecorded]) -> dict[str, Mention]:
    """Every engineering issue that these events of cases name, by its key."""
    found: dict[str, Mention] = {}
    for event in events:
        match event.data:
            case eng.Claimed(team=team, issue=key, origin="cloned"):
                found[key] = Mention(team=team, clone_of=event.subject)
            case eng.Closed(team=team, issue=key, resolution=resolution):
                found[key] = replace(found.get(key, Mention(team=team)), resolution=resolution)
            case (
                eng.Claimed(team=team, issue=key)
                | eng.Linked(team=team, issue=key)
                | eng.Unlinked(team=team, issue=key)
                | eng.Progressed(team=team, issue=key)
            ):
                found.setdefault(key, Mention(team=team))
            case _:
                pass
    return found


def react(
    key: str, mention: Mention, team: Team, issue: Issue | None, cases: Mapping[str, Case]
) -> tuple[Said, ...]:
    """What the issue of that key says of itself now.

    ``cases`` are those that it serves, and those that may have named it. One that is on no board
    here and was no clone is on a tracker elsewhere, and says nothing.
    """
    said: list[Said] = []
    status, serves = (issue.status, issue.ops_issues) if issue else (team.workflow.default, ())
    if issue is None:
        origin = cases.get(mention.clone_of or "")
        if origin is None:
            return ()
        created = IssueCreated(
            team=team.key,
            summary=origin.summary,
            description=origin.description,
            severity=origin.severity,
            status=status,
            clone_of=origin.key,
        )
        said.append(Said(subject=key, data=created))
    elif issue.team != team.key:
        return ()
    linked = [case for case in cases.values() if case.issue_of(team.key) == key]
    keys = [case.key for case in linked]
    new = [IssueLinked(ops_issue=each) for each in keys if each not in serves]
    gone = [IssueUnlinked(ops_issue=each) for each in serves if each in cases and each not in keys]
    said += [Said(subject=key, data=body) for body in (*new, *gone)]
    to_status = _status(team, status, linked, mention)
    if to_status != status:
        closed = mention.resolution or to_status if team.is_closed(to_status) else None
        move = IssueMoved(
            from_status=status, to_status=to_status, origin="recovered", resolution=closed
        )
        said.append(Said(subject=key, data=move))
    return tuple(said)


def _status(team: Team, status: str, linked: Sequence[Case], mention: Mention) -> str:
    """Where the cases leave the issue: no claim is open on closed work."""
    parts = [case.part(team.key) for case in linked]
    told = [case.links[team.key].status for case in linked]
    last = next((each for each in reversed(told) if each and team.knows(each)), status)
    if any(part.claim == "open" and part.in_review for part in parts):
        return team.workflow.review
    if any(part.claim == "open" for part in parts):
        return next((s for s in (last, status) if team.is_work(s)), team.workflow.default)
    if any(part.claim == "done" for part in parts):
        return status if team.is_closed(status) else team.closed_status(mention.resolution or "")
    return last
