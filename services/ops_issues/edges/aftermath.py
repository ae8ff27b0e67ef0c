"""What follows for Operations when its log was restored and recovered from Engineering's."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from services.ops_issues.domain.ops_issue import State
from services.ops_issues.edges.desk import SOURCE_CASE, case_name
from services.ops_issues.edges.interpreter import REACTING, is_issue
from services.ops_issues.policies.a_case_that_moved_states_its_status import react
from shared.eventlog.model import Append, UniqueKey
from shared.eventlog.states import States
from shared.events import ops
from shared.events.envelope import AnyRecorded, Draft
from shared.events.ids import derived_id
from shared.hosting.recovering import KeysOnly


class Aftermath(KeysOnly):
    """The port of ``shared.bus.recovery``, for Operations."""

    def __init__(self, issues: States[State]) -> None:
        self._issues = issues

    def keys(self, recorded: AnyRecorded) -> Iterable[UniqueKey]:
        """Those of every service, and that an issue's source case has no other issue."""
        yield from super().keys(recorded)
        said = recorded.data
        if isinstance(said, ops.Opened) and said.source_case is not None:
            yield UniqueKey(SOURCE_CASE, case_name(said.source_case), recorded.subject)

    async def restate(self, cause: AnyRecorded, streams: Collection[str]) -> Sequence[Append]:
        """The status of every issue whose last statement followed from what is lost.

        Raises LogUnavailable.
        """
        issues = await self._issues.load_many([stream for stream in streams if is_issue(stream)])
        return [
            Append(
                tuple(
                    Draft(
                        id=derived_id(cause.id, f"{reaction.name}:{key}"),
                        subject=key,
                        time=cause.time,
                        correlationid=cause.correlationid,
                        causationid=str(cause.id),
                        actor=REACTING,
                        data=reaction.body,
                    )
                    for reaction in said
                ),
                {key: found.version},
            )
            for key, found in issues.items()
            if (said := react(found.state, found.state))
        ]
