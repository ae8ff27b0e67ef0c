"""Reading CloudEvents 1.0 that other systems publish, on the bus and over HTTP.

Structured mode (JSON format) and binary mode, by the HTTP and NATS protocol bindings. Whatever
comes, the answer is an ``IntakeEvent`` or a ``Malformed`` that names each thing wrong with it: no
input raises. Extension attributes are ignored, as CloudEvents asks, but for two: ``correlationid``,
and ``after``, which is ``<ops or eng>:<position>``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from shared.events import content, subjects
from shared.events.findings import Findings
from shared.events.headers import Headers
from shared.events.intake import After, Fault, IntakeEvent, Malformed, Service
from shared.events.limits import EVENT_BYTES_MAX, NAME_CHARS_MAX, TooDeep, text_errors
from shared.events.moments import parse_moment

CLOCK_SKEW_MAX: Final = timedelta(seconds=10)
"""How far ahead another system's clock may be: that counts as now, a later time is refused."""
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Times before this are mistakes."""
ATTRIBUTE_CHARS_MAX: Final = 512
"""The longest source, subject and correlation id: they become keys of indexes."""
OWN_SYSTEM: Final = "caselog"
"""Acts of ``system:caselog`` are our own reactions, so no other system has that name."""
TYPES_VERSION: Final = "v1"

_ID: Final = re.compile(subjects.TOKEN)
_SOURCE: Final = re.compile(rf"/({subjects.TOKEN})(?:/[!-~]*)?")
_TYPE: Final = re.compile(r"caselog\.(ops|eng)\.([a-z][a-z0-9-]{0,63})\.([a-z0-9]{1,16})")
_AFTER: Final = re.compile(r"(ops|eng):([0-9]{1,18})")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def from_bus(
    subject: str, headers: Headers, body: bytes, *, now: datetime
) -> IntakeEvent | Malformed:
    """What was published on an intake subject, which must agree with ``source`` and ``type``."""
    found = Findings()
    route = subjects.parse_intake(subject)
    unchecked = content.from_bus(headers, body, found)
    if route is None:
        found.add("nats-subject", "must be intake.<ops or eng>.<system>.<type>")
    # A receipt goes to the system whose subject it was, never to one that only a body names.
    receiver = subjects.intake_system(subject)
    if unchecked is None:
        return found.malformed(receiver, None)
    check = _Check(unchecked.attributes, found)
    event = check.event(unchecked.data, body, now)
    if route is not None:
        check.agrees("type", event.service, route.service, "is not for the subject's service")
        check.agrees("type", event.type, route.type, "is not the subject's type")
        check.agrees("source", event.system, route.system, "is not of the subject's system")
    return found.malformed(receiver, event.id or None) if found else event


def from_http(
    service: Service, headers: Headers, body: bytes, *, now: datetime
) -> IntakeEvent | Malformed:
    """What was posted to the service's ``/events``."""
    found = Findings()
    unchecked = content.from_http(headers, body, found)
    if unchecked is None:
        return found.malformed(None, None)
    check = _Check(unchecked.attributes, found)
    event = check.event(unchecked.data, body, now)
    check.agrees("type", event.service, service, "is not for this service")
    return found.malformed(event.system or None, event.id or None) if found else event


class _Check:
    """Judges one event's attributes. What is wrong is found, and stands as an empty text."""

    def __init__(self, attributes: Mapping[str, str | None], found: Findings) -> None:
        self._attributes = attributes
        self._found = found
        self._wrong = {name for name, value in attributes.items() if value is None}

    def event(self, data: bytes, body: bytes, now: datetime) -> IntakeEvent:
        """The event, good only if nothing was found."""
        self._version()
        if len(body) > EVENT_BYTES_MAX:
            limit = f"must be at most {EVENT_BYTES_MAX // 1024} KiB"
            self._found.add("body", limit, Fault.TOO_LARGE)
        else:
            _check_data(data, self._found)
        event_id = self._id()
        source, system = self._source()
        service, event_type = self._type()
        return IntakeEvent(
            service=service,
            system=system,
            type=event_type,
            id=event_id,
            source=source,
            subject=self._text("subject"),
            time=self._time(now),
            data=data,
            correlation=self._text("correlationid"),
            after=self._after(),
        )

    def agrees(self, name: str, said: str, route: str, otherwise: str) -> None:
        """An attribute against the route the event came by, unless it is known to be wrong."""
        if said != route and name not in self._wrong:
            self._add(name, f"{otherwise}, {route}")

    def _add(self, name: str, detail: str) -> None:
        self._wrong.add(name)
        self._found.add(name, detail)

    def _required(self, name: str, otherwise: str = "is missing") -> str:
        if name not in self._attributes:
            self._add(name, otherwise)
        return self._attributes.get(name) or ""

    def _version(self) -> None:
        value = self._required("specversion")
        if value != "1.0" and "specversion" not in self._wrong:
            self._add("specversion", f"is {_shown(value)}: only 1.0 is read")

    def _id(self) -> str:
        value = self._required("id", "is missing, so no receipt can be sent")
        if _ID.fullmatch(value):
            return value
        if "id" not in self._wrong:
            rule = f"must be 1 to {subjects.TOKEN_CHARS_MAX} of A-Z, a-z, 0-9, _ and -"
            self._add("id", f"{rule}: it is part of the receipt's subject, so none can be sent")
        return ""

    def _source(self) -> tuple[str, str]:
        value = self._required("source")
        match = _SOURCE.fullmatch(value)
        if match is None or len(value) > ATTRIBUTE_CHARS_MAX:
            if "source" not in self._wrong:
                self._add("source", "must be /<system>/… of letters, digits, _ and -, a URI path")
            return "", ""
        if match[1] == OWN_SYSTEM:
            self._add("source", f"the system {OWN_SYSTEM} is this one")
            return "", ""
        return value, match[1]

    def _type(self) -> tuple[Service, str]:
        value = self._required("type")
        match = _TYPE.fullmatch(value)
        if "type" in self._wrong:
            return "ops", ""
        if match is None:
            self._add("type", "must be caselog.<ops or eng>.<type>.v1")
            return "ops", ""
        if match[3] != TYPES_VERSION:
            self._add("type", f"is of version {match[3]}: only {TYPES_VERSION} is known")
        return _service(match[1]), match[2]

    def _text(self, name: str) -> str | None:
        value = self._attributes.get(name)
        if value is None:
            return None
        if not value.strip() or len(value) > ATTRIBUTE_CHARS_MAX or _CONTROL.search(value):
            rule = f"must be 1 to {ATTRIBUTE_CHARS_MAX} characters, no control characters"
            self._add(name, rule)
        return value

    def _after(self) -> After | None:
        value = self._attributes.get("after")
        if value is None:
            return None
        match = _AFTER.fullmatch(value)
        if match is None:
            self._add("after", "must be <ops or eng>:<position>, of a receipt")
            return None
        return After(_service(match[1]), int(match[2]))

    def _time(self, now: datetime) -> datetime:
        value = self._attributes.get("time")
        if value is None:
            return now
        moment = parse_moment(value)
        if moment is None:
            self._add("time", "must be RFC 3339 with an offset, like 2026-03-02T09:30:00Z")
        elif moment > now + CLOCK_SKEW_MAX:
            self._add("time", "must not lie in the future")
        elif moment < EARLIEST:
            self._add("time", f"must not lie before {EARLIEST:%Y}")
        else:
            return min(moment, now)
        return now


def _check_data(data: bytes, found: Findings) -> None:
    try:
        value = msgspec.json.decode(data)
        if not isinstance(value, dict):
            found.add("data", "must be a JSON object")
            return
        for fault, error in text_errors(value, "data"):
            found.add(error.field, error.detail, fault)
    except UnicodeDecodeError:
        found.add("data", "must be UTF-8", Fault.UNREADABLE)
    except msgspec.ValidationError as error:  # JSON, but of a number that Python has no room for
        found.add("data", str(error))
    except msgspec.DecodeError as error:
        found.add("data", f"must be JSON: {error}", Fault.UNREADABLE)
    except (RecursionError, TooDeep):
        found.add("data", content.TOO_DEEP, Fault.UNREADABLE)


def _service(name: str) -> Service:
    return "ops" if name == "ops" else "eng"


def _shown(value: str) -> str:
    return repr(value[:NAME_CHARS_MAX])
