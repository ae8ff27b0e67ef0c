"""What other systems tell Engineering: trackers elsewhere, and commands of Engineering by name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from msgspec import Struct

from services.eng_issues.domain.decisions.claim import clones, decide_tracker_claim
from services.eng_issues.domain.decisions.reject import decide_reject
from services.eng_issues.domain.decisions.send_to_review import decide_send_to_review
from services.eng_issues.domain.decisions.track import (
    decide_tracker_closed,
    decide_tracker_progressed,
)
from services.eng_issues.edges.board import (
    Board,
    Carried,
    Decide,
    Decision,
    Missing,
    NeedsKey,
    Order,
    Scene,
)
from shared.events import intake_eng
from shared.events.decision import Invalid
from shared.events.intake import IntakeEvent
from shared.hosting.intake import CarryOut, Keys, NoSubject, NotSeen, Recorded, Result

BODIES: Final[Mapping[str, type[Struct]]] = {body.TYPE: body for body in intake_eng.BODIES}


def carrying_out(board: Board, patience: float) -> CarryOut:
    """Carries an intake event out; ``patience`` is how many seconds it waits for what is unseen."""
    return partial(_carry_out, board, patience)


async def _carry_out(
    board: Board, patience: float, event: IntakeEvent, body: Any, keys: Keys
) -> Result:
    if event.subject is None:
        return NoSubject()
    order = Order(
        actor=f"system:{event.system}",
        at=event.time,
        causation=event.once,
        correlation=event.correlation or event.once,
        keys=keys,
        patience=patience,
    )
    named = body.issue if isinstance(body, intake_eng.Claimed) else None
    if named is not None:
        await board.set_aside(named)
    result = await board.act(
        body.team,
        event.subject,
        _decide(body),
        order,
        issue=named,
        needs_key=_needs_key(body),
    )
    match result:
        case Carried(position, events, case=str(case)):
            return Recorded(case, position, events[-1] if events else None)
        case Carried():
            raise TypeError("a tracker speaks about a case")
        case Missing("team", named):
            return Invalid("team", f"{named} is no team that is defined here")
        case Missing(_, named):
            return NotSeen(named)
        case _:
            return result


def _needs_key(body: Struct) -> NeedsKey:
    if isinstance(body, intake_eng.Claimed):
        claimed = body
        return lambda scene: clones(scene.case, scene.team, claimed)
    return lambda _: False


def _decide(body: Struct) -> Decide:
    def decide(scene: Scene, new_key: str | None) -> Decision:
        team, case, issue = scene.team, scene.case, scene.issue
        match body:
            case intake_eng.Claimed():
                return decide_tracker_claim(body, team, case, issue, new_key)
            case intake_eng.Rejected():
                return decide_reject(body, team, case, issue)
            case intake_eng.SentToReview():
                return decide_send_to_review(body, team, case, issue)
            case intake_eng.Closed():
                return decide_tracker_closed(body, team, case, issue, scene.cases)
            case intake_eng.Progressed():
                return decide_tracker_progressed(body, team, case, issue, scene.cases)
            case _:
                raise TypeError(f"no decision for {type(body).__name__}")

    return decide
