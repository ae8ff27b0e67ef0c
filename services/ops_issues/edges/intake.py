"""What other systems tell Operations, as commands of Operations."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from msgspec import Struct, structs

from services.ops_issues.domain import commands
from services.ops_issues.domain.commands import COMMANDS
from services.ops_issues.domain.decisions.context import Context
from services.ops_issues.domain.rules import Rule
from services.ops_issues.edges.desk import Carried, Desk, NoSuchIssue, Order
from shared.events import intake_ops
from shared.events.decision import Refused
from shared.events.intake import IntakeEvent
from shared.hosting.intake import About, CarryOut, Keys, NoSubject, NotSeen, Recorded, Result

OPENED: Final = "opened"
BODIES: Final[Mapping[str, type[Struct]]] = {
    **{str(name): body for name, body in COMMANDS.items()},
    **{body.TYPE: body for body in intake_ops.BODIES},
}
"""Facts of other systems, and every command under its own name."""


def carrying_out(desk: Desk, patience: float) -> CarryOut:
    """Carries an intake event out; ``patience`` is how many seconds it waits for what is unseen."""
    return partial(_carry_out, desk, patience)


async def _carry_out(
    desk: Desk, patience: float, event: IntakeEvent, body: Any, keys: Keys
) -> Result:
    order = Order(
        context=Context(actor=f"system:{event.system}", at=event.time),
        causation=event.once,
        correlation=event.correlation or event.once,
        patience=patience,
        issue_patience=patience,
        keys=keys,
    )
    if isinstance(body, intake_ops.Opened):
        opening = _opening(body)
        result = await desk.open(opening, order)
        if isinstance(result, Refused) and result.rule == Rule.SOURCE_CASE_HAS_AN_ISSUE:
            held = opening.source_case and await desk.find(opening.source_case)
            return About(held, result) if held else result
    elif event.subject is None:
        return NoSubject()
    else:
        result = await desk.carry_out(event.subject, _command(body), order)
    match result:
        case Carried(key, _, position, _, events):
            return Recorded(key, position, events[-1] if events else None)
        case NoSuchIssue(named):
            return NotSeen(named)
        case _:
            return result


def _opening(body: intake_ops.Opened) -> commands.Open:
    case = body.source_case
    return commands.Open(
        summary=body.summary,
        severity=body.severity,
        description=body.description,
        board=body.board,
        product=body.product,
        reporter=body.reporter,
        source_case=None if case is None else commands.OpenedFor(**structs.asdict(case)),
        institutions=tuple(commands.Affected(id=i.id, name=i.name) for i in body.institutions),
        prior_issue=body.prior_issue,
    )


def _command(body: Struct) -> commands.Command:
    match body:
        case intake_ops.Amended(summary=summary, description=description, severity=severity):
            return commands.Amend(summary=summary, description=description, severity=severity)
        case intake_ops.Commented():
            return commands.Comment(
                body=body.text,
                visibility=body.visibility,
                mentions=body.mentions,
                captured_from=body.captured_from,
            )
        case intake_ops.CustomerResponded(comment=comment):
            return commands.CustomerResponded(comment=comment)
        case intake_ops.CustomerUpdated(comment=comment):
            return commands.CustomerUpdated(comment=comment)
        case intake_ops.EvidenceAttached(kind=kind, content=content, query=query):
            return commands.AttachEvidence(kind=kind, content=content, query=query)
        case commands.Command():
            return body
        case _:
            raise TypeError(f"no command for {type(body).__name__}")
