"""A made-up service, as small as one can be: boxes that are opened, painted and sealed.

It uses the shared parts exactly as the real services do, and leaves nothing of theirs out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from litestar import Request, Response
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery
from msgspec import Meta, Struct

from shared.eventlog.log import EventLog
from shared.eventlog.model import Append, VersionConflict
from shared.eventlog.states import States, Versioned
from shared.events.codec import Codec
from shared.events.decision import Invalid, Refused
from shared.events.envelope import AnyRecorded, Body, Draft, Private
from shared.hosting.as_of import AsOf, position_as_of
from shared.hosting.clock import utc_now
from shared.hosting.command_routes import CommandRunner
from shared.hosting.commands import AnyCommand, Command, CommandCall, Done, Outcome
from shared.hosting.ids import new_id
from shared.hosting.paging import LIMIT_DEFAULT, Cursors, CursorText, Limit, Page
from shared.hosting.preconditions import etag
from shared.hosting.principal import READS, Role, requires
from shared.hosting.problems import ProblemRaised, not_found
from shared.hosting.reads import read
from shared.hosting.retrying import Retrying

SOURCE: Final = "/caselog/boxes"
Colour = Literal["red", "green", "blue"]


class Opened(Private, frozen=True, kw_only=True):
    TYPE = "caselog.boxes.opened.v1"
    colour: str


class Painted(Private, frozen=True, kw_only=True):
    TYPE = "caselog.boxes.painted.v1"
    colour: str


class Noted(Private, frozen=True, kw_only=True):
    TYPE = "caselog.boxes.noted.v1"
    text: str


class Sealed(Private, frozen=True, kw_only=True):
    TYPE = "caselog.boxes.sealed.v1"


CODEC: Final = Codec([Opened, Painted, Noted, Sealed])


class Box(Struct, frozen=True):
    colour: str = ""
    notes: int = 0
    sealed: bool = False


def evolve(box: Box, event: AnyRecorded) -> Box:
    match event.data:
        case Opened(colour=colour) | Painted(colour=colour):
            return Box(colour, box.notes, box.sealed)
        case Noted():
            return Box(box.colour, box.notes + 1, box.sealed)
        case Sealed():
            return Box(box.colour, box.notes, sealed=True)
        case _:
            return box


class Rule(StrEnum):
    SEALED = "sealed-boxes-stay-as-they-are"


class Label(Struct, frozen=True, kw_only=True):
    """As in the published language: it passes over members that it does not know."""

    system: Annotated[str, Meta(min_length=1, max_length=40)]
    number: int


class OpenBox(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    colour: Colour
    label: Label | None = None
    stickers: tuple[Label, ...] = ()


class Paint(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    colour: Annotated[str, Meta(min_length=1)]
    coats: Annotated[int, Meta(ge=1, le=9)] = 1


class Note(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    text: Annotated[str, Meta(min_length=1)]


class Seal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class BoxAnswer(Struct, frozen=True, kw_only=True):
    key: str
    version: int
    position: int
    status: str


class Boxes:
    """The service's edge: commands, their answers, and what can be read."""

    def __init__(
        self, log: EventLog, clock: Callable[[], datetime], new_id: Callable[[], UUID]
    ) -> None:
        self.log = log
        self._new_id = new_id
        self.states = States(log, Box(), evolve)
        self._retrying = Retrying(self.states.forget)
        self.runner = CommandRunner(log, self.rebuild, clock)
        self.executions = 0
        self._hold: asyncio.Event | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Commands wait, just before they append, until the block ends."""
        self._hold = asyncio.Event()
        try:
            yield
        finally:
            self._hold.set()

    @property
    def position(self) -> int:
        return self.log.head.position

    async def wait_for(self, position: int, timeout: float) -> bool:
        return await self.log.wait_for(position, timeout)

    # --- commands -------------------------------------------------------------------------------

    async def open_box(self, call: CommandCall[OpenBox]) -> Outcome:
        self.executions += 1
        number = await self.log.store.next_number("BOX")
        key = f"BOX-{number}"
        done = await self._record(call, key, 0, [Opened(colour=call.body.colour)], code=201)
        return Done(done.body, done.version, done.position, done.events, 201, f"/boxes/{key}")

    async def paint(self, call: CommandCall[Paint]) -> Outcome:
        return await self._changing(call, self._paint)

    async def note(self, call: CommandCall[Note]) -> Outcome:
        return await self._changing(call, lambda box, body: [Noted(text=body.text)])

    async def seal(self, call: CommandCall[Seal]) -> Outcome:
        return await self._changing(call, lambda box, _: [] if box.sealed else [Sealed()])

    async def always_late(self, call: CommandCall[Seal]) -> Outcome:
        raise VersionConflict((call.path["key"],))

    async def bug(self, call: CommandCall[Seal]) -> Outcome:
        raise ZeroDivisionError("a secret of ours")

    @staticmethod
    def _paint(box: Box, body: Paint) -> Sequence[Body] | Refused | Invalid:
        if body.colour == "invisible":
            return Invalid("colour", "must be a colour that can be seen")
        if box.sealed:
            return Refused(Rule.SEALED, "open another box")
        return [] if box.colour == body.colour else [Painted(colour=body.colour)]

    async def _changing(self, call: CommandCall[Any], decide: Callable[[Box, Any], Any]) -> Outcome:
        return await self._retrying([call.path["key"]], lambda: self._change(call, decide))

    async def _change(self, call: CommandCall[Any], decide: Callable[[Box, Any], Any]) -> Outcome:
        self.executions += 1
        key = call.path["key"]
        loaded = await self.states.load(key)
        if loaded.version == 0:
            return not_found(f"there is no box {key}")
        call.if_match.check(loaded.version)
        decided = decide(loaded.state, call.body)
        if isinstance(decided, Refused | Invalid):
            return decided
        if not decided:
            return answer(key, loaded, self.position)
        return await self._record(call, key, loaded.version, decided)

    async def _record(
        self,
        call: CommandCall[Any],
        key: str,
        version: int,
        bodies: Sequence[Body],
        code: int | None = None,
    ) -> Done:
        drafts = tuple(
            Draft(
                id=self._new_id(),
                subject=key,
                time=call.occurred_at,
                correlationid=call.correlation,
                causationid=str(call.request_id),
                actor=call.actor,
                data=body,
            )
            for body in bodies
        )
        if self._hold is not None:
            await self._hold.wait()
        keys = call.keys(drafts[-1].id, key, code)
        await self.log.append(Append(drafts, {key: version}, keys))
        box = await self.states.load(key)
        return answer(key, box, box.position, tuple(draft.id for draft in drafts))

    async def rebuild(self, about: str, position: int) -> Done:
        done = answer(about, await self.states.as_of(about, position), position)
        return Done(done.body, done.version, position, location=f"/boxes/{about}")

    # --- routes ---------------------------------------------------------------------------------

    def routes(self) -> list[HTTPRouteHandler]:
        return [*self.runner.routes(self._commands()), *self._reads()]

    def _commands(self) -> list[AnyCommand]:
        box = {"answer": BoxAnswer, "access": requires(Role.TIER2, Role.SYSTEM)}
        team = requires(Role.ENGINEER, Role.SYSTEM, team=_team)
        return [
            Command(
                name="open-box",
                path="/boxes",
                body=OpenBox,
                execute=self.open_box,
                summary="Open a box",
                code=201,
                versioned=False,
                **box,  # type: ignore[arg-type]
            ),
            _command("paint", Paint, self.paint, box),
            _command("note", Note, self.note, box),
            _command("seal", Seal, self.seal, box),
            _command("late", Seal, self.always_late, box),
            _command("bug", Seal, self.bug, box),
            Command(
                name="team-seal",
                path="/teams/{team:str}/boxes/{key:str}/seal",
                body=Seal,
                answer=BoxAnswer,
                access=team,
                execute=self.seal,
                summary="Seal a box in a team's name",
            ),
        ]

    def _reads(self) -> list[HTTPRouteHandler]:
        cursors: Cursors[int] = Cursors("boxes", int)

        @read(
            "/boxes/{key:str}",
            name="box",
            summary="One box",
            access=READS,
            model=self,
            etag=True,
        )
        async def one(key: FromPath[str], as_of: AsOf = None) -> Response[BoxAnswer]:
            upto = await position_as_of(as_of, self.log.store)
            loaded = await (self.states.load(key) if upto is None else self.states.as_of(key, upto))
            if loaded.version == 0:
                raise ProblemRaised(not_found(f"there is no box {key}"))
            done = answer(key, loaded, loaded.position)
            body: Any = done.body
            return Response(body, headers={"ETag": etag(done.version)})

        @read("/boxes", name="boxes", summary="All boxes", access=READS, model=self)
        async def several(
            request: Request[Any, Any, Any],
            limit: Limit = LIMIT_DEFAULT,
            cursor: CursorText = None,
            colour: FromQuery[Colour | None] = None,
        ) -> Page[BoxAnswer]:
            filters = {"colour": colour}
            after = cursors.read(cursor, filters) or 0
            rows = await self.log.store.read(0, 10_000)
            keys = sorted({int(row.stream.rpartition("-")[2]) for row in rows})
            wanted = [key for key in keys if key > after]
            boxes = [await self.states.load(f"BOX-{key}") for key in wanted]
            found: list[Any] = [
                answer(f"BOX-{key}", box, box.position).body
                for key, box in zip(wanted, boxes, strict=True)
                if colour in {None, box.state.colour}
            ]
            numbers = [int(each.key.rpartition("-")[2]) for each in found]
            return cursors.page(found[: limit + 1], numbers, limit, filters)

        return [one, several]


def noted(key: str, text: str) -> Draft:
    """A note that came by another way than HTTP."""
    return Draft(
        id=new_id(),
        subject=key,
        time=utc_now(),
        correlationid="c",
        causationid="c",
        actor="system:test",
        data=Noted(text=text),
    )


def answer(key: str, box: Versioned[Box], position: int, events: tuple[UUID, ...] = ()) -> Done:
    status = "sealed" if box.state.sealed else box.state.colour
    body = BoxAnswer(key=key, version=box.version, position=position, status=status)
    return Done(body, box.version, position, events)


def _command(name: str, body: Any, execute: Any, rest: Mapping[str, Any]) -> AnyCommand:
    path = f"/boxes/{{key:str}}/{name}"
    return Command(name=name, path=path, body=body, execute=execute, summary=name, **rest)


def _team(path: Mapping[str, Any]) -> str:
    return str(path["team"])
