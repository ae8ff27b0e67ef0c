"""What follows for Engineering when its log was restored and recovered from Operations'."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from services.eng_issues.domain.case import Case
from services.eng_issues.domain.issue import Issue
from services.eng_issues.domain.reaction import ACTOR, reactions
from services.eng_issues.domain.states import State
from services.eng_issues.domain.team import Team
from services.eng_issues.edges.board import BOARD_KEY, ELSEWHERE
from services.eng_issues.policies.a_recovered_board_follows_its_cases import (
    Mention,
    mentions,
    react,
)
from shared.eventlog.log import EventLog
from shared.eventlog.model import Append, UniqueKey
from shared.eventlog.states import States
from shared.events import eng
from shared.events.envelope import AnyRecorded, Draft
from shared.events.ids import derived_id
from shared.hosting.recovering import KeysOnly


class Aftermath(KeysOnly):
    """The port of ``shared.bus.recovery``, for Engineering."""

    def __init__(self, log: EventLog, states: States[State]) -> None:
        self._log = log
        self._states = states

    def keys(self, recorded: AnyRecorded) -> Iterable[UniqueKey]:
        """Those of every service, and that a key which a tracker may have is not given here.

        A claim does not tell whether the issue is on that tracker or on a board here. Reserved is
        either: a key that an issue here has is not given out again anyway.
        """
        yield from super().keys(recorded)
        said = recorded.data
        if isinstance(said, eng.Claimed) and BOARD_KEY.fullmatch(said.issue):
            yield UniqueKey(ELSEWHERE, said.issue, "")

    async def restate(self, cause: AnyRecorded, streams: Collection[str]) -> Sequence[Append]:
        """What the boards say after what the cases tell of them. Raises LogUnavailable."""
        found = await self._states.load_many(list(streams))
        touched = {key: each.state for key, each in found.items() if isinstance(each.state, Case)}
        rows = await self._log.store.read_streams(list(touched))
        named = mentions(self._log.codec.decode(row.type, row.entry) for row in rows)
        requests = [await self._board(cause, *each, touched) for each in named.items()]
        return [request for request in requests if request is not None]

    async def _board(
        self, cause: AnyRecorded, key: str, mention: Mention, touched: dict[str, Case]
    ) -> Append | None:
        found = await self._states.load_many([mention.team, key])
        team, issue = found[mention.team].state, found[key].state
        if not isinstance(team, Team):
            return None
        on_board = issue if isinstance(issue, Issue) else None
        served = await self._states.load_many(on_board.ops_issues if on_board else ())
        cases = {name: each.state for name, each in served.items() if isinstance(each.state, Case)}
        said = reactions(react(key, mention, team, on_board, {**cases, **touched}))
        drafts = tuple(
            Draft(
                id=derived_id(cause.id, f"{number}:{each.name}"),
                subject=key,
                time=cause.time,
                correlationid=cause.correlationid,
                causationid=str(cause.id),
                actor=ACTOR,
                data=each.said.data,
            )
            for number, each in enumerate(said)
        )
        return Append(drafts, {key: found[key].version}) if drafts else None
