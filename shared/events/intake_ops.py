"""What other systems may tell Operations, on ``intake.ops.<system>.<type>``.

Besides these, every command of Operations can be published there under its name, with the body that
it has over HTTP.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from shared.events.intake import IntakeBody
from shared.events.vocabulary import Institution, Severity, SourceCase, Text, Visibility

EvidenceKind = Literal["log", "screenshot", "transcript", "document"]


class Opened(IntakeBody, frozen=True, kw_only=True):
    """A customer issue was opened elsewhere.

    Attributes:
        summary: The issue in one line.
        severity: How bad it is for the customer.
        description: The issue in full.
        board: The board it was opened on.
        product: The product it is about.
        reporter: Who opened it; if absent, the publishing system.
        source_case: The customer-facing record it stems from. Its number is unique per system: a
            second issue for it is refused, and the receipt names the one that exists.
        institutions: The customer institutions that it affects.
        prior_issue: Key of the earlier ops issue that this one follows.
    """

    TYPE: ClassVar[str] = "opened"
    summary: Text
    severity: Severity
    description: str = ""
    board: str = ""
    product: str = ""
    reporter: Text | None = None
    source_case: SourceCase | None = None
    institutions: tuple[Institution, ...] = ()
    prior_issue: Text | None = None


class Amended(IntakeBody, frozen=True, kw_only=True):
    """What the issue says changed.

    Attributes:
        summary: The new summary, if it changed.
        description: The new description, if it changed.
        severity: The new severity, if it changed.
    """

    TYPE: ClassVar[str] = "amended"
    summary: Text | None = None
    description: str | None = None
    severity: Severity | None = None


class Commented(IntakeBody, frozen=True, kw_only=True):
    """Somebody commented on the issue elsewhere.

    Attributes:
        comment: What was said; this or ``body`` is required.
        body: The same, under the name it has in the command ``comment``.
        visibility: Whether the customer may see it.
        mentions: The people and groups it names (``@BusinessAnalysts``).
        captured_from: Where the discussion happened.
    """

    TYPE: ClassVar[str] = "commented"
    ONE_OF: ClassVar[tuple[str, ...]] = ("comment", "body")
    comment: Text | None = None
    body: Text | None = None
    visibility: Visibility = "internal"
    mentions: tuple[str, ...] = ()
    captured_from: Text | None = None

    @property
    def text(self) -> str:
        """What was said, whichever name it came under."""
        return self.comment or self.body or ""


class CustomerResponded(IntakeBody, frozen=True, kw_only=True):
    """The customer answered.

    Attributes:
        comment: What the customer said.
    """

    TYPE: ClassVar[str] = "customer-responded"
    comment: Text | None = None


class CustomerUpdated(IntakeBody, frozen=True, kw_only=True):
    """The customer was told how the issue stands.

    Attributes:
        comment: What the customer was told.
    """

    TYPE: ClassVar[str] = "customer-updated"
    comment: Text


class EvidenceAttached(IntakeBody, frozen=True, kw_only=True):
    """Evidence that lasts: the content itself, not a link to where it may be gone tomorrow.

    Attributes:
        kind: What it is.
        content: The excerpt, transcript or document as text.
        query: For a log: the query that found it.
    """

    TYPE: ClassVar[str] = "evidence-attached"
    kind: EvidenceKind
    content: Text
    query: Text | None = None


BODIES: tuple[type[IntakeBody], ...] = (
    Opened,
    Amended,
    Commented,
    CustomerResponded,
    CustomerUpdated,
    EvidenceAttached,
)
