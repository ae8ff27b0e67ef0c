"""Commands as a service carries them out: load, fold, decide, append; against the bare loop.

Everybody comments on issues of which 20,000 were opened before: nineteen comments in twenty on five
thousand that are kept folded, one on any of the others, which is read and folded first.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from typing import Final

from bench.append import bare_appenders, bare_caller, compare
from bench.cases import OCCURRED, TEXT, fill, ops_log
from bench.effort import Effort
from bench.ground import Ground, running
from bench.racing import Act
from bench.report import Report
from services.ops_issues.domain.commands import Comment
from services.ops_issues.domain.decisions.context import Context
from services.ops_issues.edges.desk import Carried, Desk, Order
from shared.eventlog.log import EventLog
from shared.hosting.ids import new_id

ISSUES: Final = 20_000
EVENTS_BEFORE: Final = 6
HOT: Final = 5_000
COLD_EVERY: Final = 20
DRAWN: Final = 100_000
COMMENT: Final = Comment(body=TEXT, visibility="internal")
ORDER: Final = Order(
    context=Context(actor="person:ada", at=OCCURRED, is_tier_2=True),
    causation="01932b6f-8a00-7abc-8def-0123456789ab",
    correlation="01932b6f-8a00-7abc-8def-0123456789ab",
    keys=lambda event, about: (),
    patience=0.0,
)


class Tier2:
    """People who comment on one issue after the other."""

    def __init__(self, log: EventLog, keys: Sequence[str], hot: int) -> None:
        self._desk = Desk(log, new_id)
        self._hot = keys[:hot]
        self._keys = _chosen(self._hot, keys[hot:])

    async def warm(self) -> None:
        """Folds the hot ones."""
        await self._desk.issues.load_many(self._hot)

    def caller(self) -> Act:
        """Comments again and again."""
        return self._comment

    async def _comment(self) -> None:
        carried = await self._desk.carry_out(next(self._keys), COMMENT, ORDER)
        assert isinstance(carried, Carried)


def _chosen(hot: Sequence[str], cold: Sequence[str]) -> Iterator[str]:
    """Which issues are commented on. When a cold one's turn comes again, it is cold again."""
    dice = random.Random(1)
    drawn = itertools.cycle([dice.choice(hot) for _ in range(DRAWN)])
    for keys in itertools.cycle([itertools.cycle(cold), *[drawn] * (COLD_EVERY - 1)]):
        yield next(keys)


async def measure(report: Report, ground: Ground, effort: Effort) -> None:
    """Comments through the desk and appends through both floors; per second."""
    log = ops_log(ground.dsn("ops"))
    floors = bare_appenders(ground.bare_dsn("ops"))
    async with running(log, *floors.values()):
        keys = await fill(log, effort.of(ISSUES), EVENTS_BEFORE)
        await ground.settle("ops")
        people = Tier2(log, keys, effort.of(HOT))
        await people.warm()
        entry = (await log.store.read(log.head.position - 1, 1))[0].entry.decode()
        names = itertools.count()
        contestants = {"desk": people.caller}
        contestants |= {name: bare_caller(f, entry, names) for name, f in floors.items()}
        await compare(report, "commands", "commands/s", contestants, effort)
