"""What other trackers may tell Engineering, on ``intake.eng.<system>.<type>``.

They speak for a team that works elsewhere. ``subject`` is the ops issue: its key, or its source
case as ``<system>:<number>``. An absent ``issue`` is the one that the team has linked to it here.
"""

from __future__ import annotations

from typing import ClassVar

from shared.events.intake import IntakeBody
from shared.events.vocabulary import ClaimOrigin, Text


class Claimed(IntakeBody, frozen=True, kw_only=True):
    """The team accepted the ops issue as its own.

    Attributes:
        team: Key of the team.
        issue: Key of the team's issue in its own tracker, which is kept. Without it, the ops issue
            is cloned onto the team's board here.
        origin: How the team came by ``issue``; if absent, ``linked``.
        comment: Explains the link, if the team has an issue linked here already.
    """

    TYPE: ClassVar[str] = "claimed"
    team: Text
    issue: Text | None = None
    origin: ClaimOrigin | None = None
    comment: Text | None = None


class Rejected(IntakeBody, frozen=True, kw_only=True):
    """The ops issue is not the team's.

    Attributes:
        team: Key of the team.
        comment: Why it is not.
        belongs_to: Key of the team it belongs to, or ``unknown``.
    """

    TYPE: ClassVar[str] = "rejected"
    team: Text
    comment: Text
    belongs_to: Text


class SentToReview(IntakeBody, frozen=True, kw_only=True):
    """The team asks Operations a question.

    Attributes:
        team: Key of the team.
        comment: The question.
        issue: Key of the team's issue.
    """

    TYPE: ClassVar[str] = "sent-to-review"
    team: Text
    comment: Text
    issue: Text | None = None


class Closed(IntakeBody, frozen=True, kw_only=True):
    """The team's work on the ops issue is done.

    Attributes:
        team: Key of the team.
        resolution: The team's own word for how it ended.
        comment: How it was resolved, for Operations.
        issue: Key of the team's issue.
    """

    TYPE: ClassVar[str] = "closed"
    team: Text
    resolution: Text
    comment: Text
    issue: Text | None = None


class Progressed(IntakeBody, frozen=True, kw_only=True):
    """The team's issue moved between the team's own statuses.

    Attributes:
        team: Key of the team.
        to_status: The status it has now.
        from_status: The status it had before.
        issue: Key of the team's issue.
    """

    TYPE: ClassVar[str] = "progressed"
    team: Text
    to_status: Text
    from_status: Text | None = None
    issue: Text | None = None


BODIES: tuple[type[IntakeBody], ...] = (Claimed, Rejected, SentToReview, Closed, Progressed)
