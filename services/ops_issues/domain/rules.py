"""The names of Operations' rules. They are public: refusals and histories carry them."""

from __future__ import annotations

from enum import StrEnum


class Rule(StrEnum):
    """Why a command is refused, or why a received event changes nothing."""

    # Refusals.
    SOURCE_CASE_HAS_AN_ISSUE = "source-case-has-an-issue"
    ISSUE_IS_CLOSED = "issue-is-closed"
    ALREADY_CLOSED = "already-closed"
    NOT_CLOSED = "not-closed"
    CHANGED_EXPERIENCE_NEEDS_A_NEW_ISSUE = "changed-experience-needs-a-new-issue"
    NON_RESPONSIVE_CLOSURE_NEEDS_A_NEW_ISSUE = "non-responsive-closure-needs-a-new-issue"
    DUPLICATE_NAMES_THE_OTHER_ISSUE = "duplicate-names-the-other-issue"
    OTHER_ISSUE_IS_FOR_DUPLICATES = "other-issue-is-for-duplicates"
    NOT_TO_ITSELF = "not-to-itself"
    UNASSIGNING_A_CLAIM_NEEDS_A_COMMENT = "unassigning-a-claim-needs-a-comment"
    NOTHING_TO_RETURN = "nothing-to-return"
    OWNERSHIP_NEEDS_AN_ASSIGNEE = "ownership-needs-an-assignee"
    INTERNAL_JHA_NEEDS_A_CASE_NUMBER = "internal-jha-needs-a-case-number"
    BARE_LINK_IS_NOT_EVIDENCE = "bare-link-is-not-evidence"
    LINK_IS_ENGINEERINGS = "link-is-engineerings"
    PHASE_NOT_REACHED = "phase-not-reached"
    PHASE_TOO_EARLY = "phase-too-early"

    # Refusals, and outcomes of received events.
    TEAM_NOT_ASSIGNED = "team-not-assigned"

    # Outcomes of received events.
    ISSUE_NOT_OPENED = "issue-not-opened"
    NOT_ABOUT_AN_ISSUE = "not-about-an-issue"
    TEAM_HOLDS_NO_CLAIM = "team-holds-no-claim"
    ISSUE_NOT_LINKED = "issue-not-linked"
