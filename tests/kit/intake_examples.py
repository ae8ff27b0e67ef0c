"""One valid example of each event that other systems may publish, minimal and full.

``structured`` and ``binary`` give the message as another system would send it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from shared.events import intake_eng, intake_ops
from shared.events.headers import encode_value
from shared.events.intake import IntakeBody, IntakeEvent, Service
from shared.events.moments import parse_moment
from shared.events.vocabulary import Institution, SourceCase

Size = Literal["minimal", "full"]
Message = tuple[list[tuple[str, str]], bytes]

SYSTEM: Final = "servicenow"
NUMBER: Final = "INC0012"

MINIMAL: Final[Mapping[type[IntakeBody], IntakeBody]] = {
    body.__class__: body
    for body in (
        intake_ops.Opened(summary="Mobile deposit fails", severity="3 - Moderate"),
        intake_ops.Amended(severity="2 - High"),
        intake_ops.Commented(comment="The branch called again."),
        intake_ops.CustomerResponded(),
        intake_ops.CustomerUpdated(comment="We are on it."),
        intake_ops.EvidenceAttached(kind="log", content="15:04:05 ERROR 500 /deposits"),
        intake_eng.Claimed(team="MOB"),
        intake_eng.Rejected(team="MOB", comment="The API answers 500.", belongs_to="unknown"),
        intake_eng.SentToReview(team="MOB", comment="Which version of the app?"),
        intake_eng.Closed(team="MOB", resolution="Done", comment="Fixed in 7.2."),
        intake_eng.Progressed(team="MOB", to_status="In Test"),
    )
}

FULL: Final[Mapping[type[IntakeBody], IntakeBody]] = {
    body.__class__: body
    for body in (
        intake_ops.Opened(
            summary="Mobile deposit fails at the second photo",
            severity="1 - Critical",
            description="After the photo of the back: “Try again later”.",
            board="Mobile",
            product="Remote Deposit",
            reporter="Tess Ito",
            source_case=SourceCase(system=SYSTEM, number=NUMBER, owner="Lou Ng"),
            institutions=(Institution(id="4711", name="First Bank of Żary"),),
            prior_issue="OPS-4",
        ),
        intake_ops.Amended(
            summary="Mobile deposit fails", description="Since 9:00.", severity="1 - Critical"
        ),
        intake_ops.Commented(
            body="Can you look? @BusinessAnalysts",
            visibility="public",
            mentions=("@BusinessAnalysts",),
            captured_from="chat #deposit",
        ),
        intake_ops.CustomerResponded(comment="It is app 7.1."),
        intake_ops.CustomerUpdated(comment="A fix is being tested."),
        intake_ops.EvidenceAttached(
            kind="log",
            content="15:04:05 ERROR 500 /deposits",
            query='path="/deposits" status>=500',
        ),
        intake_eng.Claimed(
            team="MOB", issue="MOBILE-881", origin="linked", comment="The same stack trace."
        ),
        intake_eng.Rejected(team="MOB", comment="The API answers 500.", belongs_to="API"),
        intake_eng.SentToReview(team="MOB", comment="Which version?", issue="MOBILE-881"),
        intake_eng.Closed(
            team="MOB", resolution="Fixed", comment="Fixed in 7.2.", issue="MOBILE-881"
        ),
        intake_eng.Progressed(
            team="MOB", to_status="In Test", from_status="In Progress", issue="MOBILE-881"
        ),
    )
}


@dataclass(frozen=True, slots=True)
class IntakeExample:
    """An example as its publisher says it; ``name`` is that of its golden file."""

    size: Size
    service: Service
    body: IntakeBody

    @property
    def name(self) -> str:
        return f"intake.{self.service}.{self.body.TYPE}.{self.size}"

    @property
    def subject(self) -> str:
        """The subject on the bus."""
        return f"intake.{self.service}.{SYSTEM}.{self.body.TYPE}"

    @property
    def attributes(self) -> dict[str, str]:
        is_full = self.size == "full"
        opens = isinstance(self.body, intake_ops.Opened)
        optional = {
            "time": "2026-03-02T10:04:05.060007-05:00",
            "datacontenttype": "application/json",
            "correlationid": "Lou’s shift, 2 March",
        }
        return {
            "specversion": "1.0",
            "id": f"{NUMBER}-{self.body.TYPE}",
            "source": f"/{SYSTEM}/incidents",
            "type": f"caselog.{self.service}.{self.body.TYPE}.v1",
            **({} if opens else {"subject": f"{SYSTEM}:{NUMBER}" if is_full else "OPS-17"}),
            **(optional if is_full else {"time": "2026-03-02T15:04:05Z"}),
        }

    def structured(self) -> Message:
        """All of it in a JSON body."""
        event: dict[str, Any] = {**self.attributes, "data": self.body}
        headers = [("Content-Type", "application/cloudevents+json; charset=UTF-8")]
        return headers, msgspec.json.encode(event)

    def binary(self) -> Message:
        """Attributes in headers, by the HTTP binding, which the NATS binding understands too."""
        headers = [
            (f"ce-{name}", encode_value(value))
            for name, value in self.attributes.items()
            if name != "datacontenttype"
        ]
        return [*headers, ("Content-Type", "application/json")], msgspec.json.encode(self.body)

    def event(self) -> IntakeEvent:
        """What it is read as."""
        attributes = self.attributes
        time = parse_moment(attributes["time"])
        assert time is not None
        return IntakeEvent(
            service=self.service,
            system=SYSTEM,
            type=self.body.TYPE,
            id=attributes["id"],
            source=attributes["source"],
            subject=attributes.get("subject"),
            time=time,
            data=msgspec.json.encode(self.body),
            correlation=attributes.get("correlationid"),
        )


def intake_examples() -> Iterator[IntakeExample]:
    """All of them."""
    bodies: dict[Service, tuple[type[IntakeBody], ...]] = {
        "ops": intake_ops.BODIES,
        "eng": intake_eng.BODIES,
    }
    for service, kinds in bodies.items():
        for kind in kinds:
            yield IntakeExample("minimal", service, MINIMAL[kind])
            yield IntakeExample("full", service, FULL[kind])
