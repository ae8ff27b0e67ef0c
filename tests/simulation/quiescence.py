"""When all is calm: has everything arrived, and is it what everybody was told?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from shared.events import subjects
from shared.events.intake import Service
from tests.simulation.auditor import Auditor, Violation
from tests.simulation.broker import SimBroker
from tests.simulation.clients import Asked, Clients, Said
from tests.simulation.database import Database
from tests.simulation.services import FOLDS, Running
from tests.simulation.weather import OTHER, Weather


class World(Protocol):
    """What there is to be judged."""

    auditor: Auditor
    broker: SimBroker
    clients: Clients
    databases: Mapping[Service, Database]
    weather: Weather

    def alive(self, service: Service) -> list[Running]: ...


class Ending:
    """The end of a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._ledgers = world.auditor.ledgers

    def missing(self) -> str | None:
        """What has not arrived yet; None if all has."""
        for service, database in self._world.databases.items():
            author = self._ledgers[OTHER[service]]
            held = len(self._ledgers[service].received)
            if held < len(author.published):
                return f"{service} holds {held} of {len(author.published)}"
            if left := self._world.broker.unsettled(service):
                return f"{left} events of the intake of {service} are not acknowledged"
            position = database.rows_read.get("position", 0)
            if position < len(database.rows):
                return f"the read model of {service} is at {position} of {len(database.rows)}"
            for each in self._world.alive(service):
                if not each.is_ready or each.parts is None:
                    return f"{each.process.name} is not ready"
                status = each.parts.exchange.status()
                if status.leading and status.lag_out != 0:
                    return f"{each.process.name} has published {status.relay.position}"
                if status.receiver.alarm is not None:
                    return f"{each.process.name}: {status.receiver.alarm}"
        return None

    def judge(self) -> None:
        """Raises Violation."""
        for service in self._world.databases:
            self._is_the_other_log(service)
            self._is_folded(service)
            for each in self._world.alive(service):
                self._keeps_what_is(each)
        for asked in self._world.clients.asked:
            self._had_its_effect(asked)
        for said in self._world.clients.said.values():
            self._was_recorded_once(said)
        self._had_causes()
        self._agree()

    def _is_the_other_log(self, service: Service) -> None:
        ledger, author = self._ledgers[service], self._ledgers[OTHER[service]]
        if [row.entry for row in ledger.received] != [row.entry for row in author.published]:
            raise Violation("I3 bytes", f"{service} holds something else than was published")
        if list(self._world.databases[service].rows) != ledger.rows:
            raise Violation("I1 log", f"the log of {service} is not what was committed")

    def _is_folded(self, service: Service) -> None:
        database = self._world.databases[service]
        whole = FOLDS[service]({}, database.rows)
        if database.rows_read.get("tables", {}) != whole:
            raise Violation("projection", f"the read model of {service} is not the fold of its log")

    def _keeps_what_is(self, running: Running) -> None:
        """Streams that a process keeps folded are the folds of what its log holds."""
        for states in running.states():
            for stream, kept in states._kept.items():
                rows = [row for row in self._ledgers[running.service].rows if row.stream == stream]
                whole = states._fold(states._nothing, rows[: kept.version])
                if kept.version > len(rows) or states._fold(kept.state, kept.rows) != whole:
                    raise Violation("states", f"{running.process.name} keeps an old {stream}")

    # --- effects ------------------------------------------------------------------------------

    def _had_its_effect(self, asked: Asked) -> None:
        by_cause = self._ledgers[asked.service].by_cause
        effects = [rows for request in asked.requests for rows in by_cause.get(request, ())]
        told = f"{asked.service} {asked.what} was told {asked.told}"
        if len(effects) > 1:
            raise Violation("effect", f"{told}, and took effect {len(effects)} times")
        if asked.told == "refused" and effects:
            raise Violation("effect", f"{told}, and took effect")
        if asked.told == "ok" and asked.recorded and not effects:
            raise Violation("effect", f"{told}, and nothing is recorded")
        if asked.told == "ok" and asked.recorded and asked.answer is not None:
            said, holds = asked.answer.position, effects[0][-1].position
            if said != holds:
                raise Violation("effect", f"{told}, at {said}; it is at {holds}")

    def _was_recorded_once(self, said: Said) -> None:
        database = self._world.databases[said.service]
        effects = self._ledgers[said.service].by_cause.get(said.once, [])
        kept = database.taken_now("intake", said.once)
        told = {receipt.outcome for receipt in said.receipts}
        if len(effects) > 1:
            raise Violation("effect", f"{said.once} took effect {len(effects)} times")
        if effects and said.after is not None:
            self._came_after(said, said.after, effects[0][0].position)
        if effects and not kept:
            raise Violation("effect", f"{said.once} took effect and is not remembered")
        if told & {"recorded", "duplicate"} and not kept:
            raise Violation("effect", f"{said.once} was told {told}, and is not recorded")
        # A copy may be recorded, and its receipt never said, because its process died and then the
        # broker lost it, or took the late acknowledgement of the copy before for its own.
        unsaid = self._world.broker.wiped[subjects.INTAKE] or self._world.weather.counts["late ack"]
        if told == {"refused"} and effects and not unsaid:
            raise Violation("effect", f"{said.once} was refused, and took effect")
        if not told:
            raise Violation("receipt", f"{said.once} ({said.what}) has no receipt")

    def _came_after(self, said: Said, after: tuple[Service, int], position: int) -> None:
        """What its publisher had seen of the other service was here when it was decided."""
        service, upto = after
        seen = sum(row.position <= upto for row in self._ledgers[service].published)
        here = self._ledgers[said.service].received
        if seen and here[seen - 1].position > position:
            raise Violation("after", f"{said.once} was decided before {service}:{upto} was here")

    def _had_causes(self) -> None:
        """Nothing is in a log that nobody asked for."""
        for service, ledger in self._ledgers.items():
            known = {str(row.id) for row in ledger.received}
            for asked in self._world.clients.asked:
                known.update(asked.requests)
            known.update(said.once for said in self._world.clients.said.values())
            strange = sorted(ledger.by_cause.keys() - known)
            if strange:
                raise Violation("cause", f"{service} says something because of {strange[0]}")

    # --- agreement ----------------------------------------------------------------------------

    def _agree(self) -> None:
        """Both services show what the model says."""
        issues = {
            stored.issue.key: stored.issue
            for stored in self._tables("ops").values()
            if hasattr(stored.issue, "key")
        }
        streams = {key: kept.state for key, kept in self._tables("eng").items()}
        for key, case in self._world.auditor.cases.items():
            if not case.status:
                continue
            issue, seen = issues[key], streams[key]
            if issue.status != case.status:
                raise Violation("I6 status", f"{key}: Operations {issue.status}, {case.status}")
            if (seen.status, seen.closed) != (case.status, case.closed):
                raise Violation("agree", f"{key}: Engineering {seen.status}, it is {case.status}")
            for team in {*case.assigned, *case.claims, *case.asking, *seen.parts.teams}:
                if team == "Product":
                    continue
                self._agree_on(key, team, case.part(team), issue, seen)

    def _agree_on(
        self, key: str, team: str, part: tuple[bool, str, bool], issue: Any, seen: Any
    ) -> None:
        facet, theirs = issue.facet(team), seen.part(team)
        ours = (False, "none", False)
        if facet is not None:
            ours = (facet.assigned, facet.claim or "none", facet.asking)
        if ours != part:
            raise Violation("agree", f"{key} {team}: Operations {ours}, it is {part}")
        if (theirs.assigned, theirs.claim, theirs.in_review) != part:
            raise Violation("agree", f"{key} {team}: Engineering {theirs}, it is {part}")

    def _tables(self, service: Service) -> Mapping[Any, Any]:
        tables: Mapping[Any, Any] = self._world.databases[service].rows_read.get("tables", {})
        return tables
