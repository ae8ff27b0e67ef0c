"""What each fact leaves of one team's part, whole and timed; and what is kept of what was said."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from services.eng_issues.domain import parts
from services.eng_issues.domain.case import Case, evolve_case
from services.eng_issues.domain.issue import Comment
from services.eng_issues.domain.parts import Part, Parts
from shared.events import eng, ops
from shared.events.envelope import Body
from tests.kit.recording import FIRST_DAY, Recorder

EARLY = FIRST_DAY
LATE = FIRST_DAY + timedelta(hours=1)
NOTHING = Parts()
CLAIMED = parts.claimed(NOTHING, "MOB", EARLY)
ASKING = parts.asked(CLAIMED, "MOB", EARLY)
DONE = parts.finished(CLAIMED, "MOB", EARLY)
REJECTED = parts.rejected(NOTHING, "MOB", EARLY)
HELD = Part(assigned=True, claim="open")


def at(moment: datetime, part: Part) -> Part:
    return replace(part, since=moment)


@pytest.mark.parametrize(
    ("after", "part"),
    [
        (parts.assigned(NOTHING, "MOB", LATE), at(LATE, Part(assigned=True))),
        (parts.assigned(REJECTED, "MOB", LATE), at(LATE, Part(assigned=True))),
        (parts.assigned(CLAIMED, "MOB", LATE), at(EARLY, HELD)),
        (parts.unassigned(CLAIMED, "MOB", LATE), at(LATE, Part())),
        (parts.claimed(NOTHING, "MOB", LATE), at(LATE, HELD)),
        (parts.claimed(ASKING, "MOB", LATE), at(LATE, HELD)),
        (parts.rejected(CLAIMED, "MOB", LATE), at(LATE, Part(rejected=True))),
        (parts.asked(CLAIMED, "MOB", LATE), at(LATE, replace(HELD, in_review=True))),
        (parts.asked(NOTHING, "MOB", LATE), Part()),
        (parts.asked(parts.closed(CLAIMED), "MOB", LATE), at(EARLY, HELD)),
        (parts.finished(ASKING, "MOB", LATE), at(LATE, Part(assigned=True, claim="done"))),
        (parts.finished(NOTHING, "MOB", LATE), Part()),
        (parts.returned(ASKING, ("MOB",), LATE), at(LATE, HELD)),
        (parts.returned(DONE, ("MOB",), LATE), at(LATE, HELD)),
    ],
)
def test_a_part_is_what_was_last_said_of_it(after: Parts, part: Part) -> None:
    assert after.of("MOB") == part


def after(*said: Body) -> Case:
    case = Case(key="OPS-1", opened_at=FIRST_DAY)
    recorders = {eng: Recorder(eng.SOURCE), ops: Recorder(ops.SOURCE)}
    for body in said:
        author = eng if isinstance(body, eng.PUBLISHED) else ops
        case = evolve_case(case, recorders[author].record("OPS-1", body, actor="person:bo"))
    return case


@pytest.mark.parametrize(
    "said",
    [
        ops.Commented(comment="Any news?", visibility="public", mentions=()),
        eng.Commented(team="MOB", comment="Soon.", visibility="internal", captured_from="board"),
    ],
)
def test_a_comment_is_kept_with_who_said_it_when_and_to_whom(
    said: ops.Commented | eng.Commented,
) -> None:
    assert after(said).comments == (
        Comment(
            at=FIRST_DAY + timedelta(minutes=1),
            actor="person:bo",
            comment=said.comment,
            visibility=said.visibility,
            captured_from=said.captured_from,
        ),
    )


def test_a_team_that_was_unassigned_is_without_a_part_since_then() -> None:
    assigned = ops.TeamAssigned(team="MOB", summary="s", description="d", severity="4 - Low")
    gone = ops.TeamUnassigned(team="MOB", comment="not theirs", claim_dropped=False)

    assert after(assigned, gone).parts.of("MOB").since == FIRST_DAY + timedelta(minutes=2)
