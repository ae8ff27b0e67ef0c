"""The AsyncAPI document names every channel and message, and holds together."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from faststream.specification.asyncapi.v3_0_0.schema import ApplicationSchema
from jsonschema import Draft202012Validator

from shared.events import subjects
from shared.events.envelope import short_name
from shared.events.generate import SCHEMAS
from shared.events.jsonschemas import ACCEPTED, PUBLISHED
from tests.contracts.golden import FOLDER

DOCUMENT: dict[str, Any] = json.loads((SCHEMAS / "asyncapi.json").read_text(encoding="utf-8"))
CHANNELS: dict[str, Any] = DOCUMENT["channels"]
MESSAGES: dict[str, Any] = DOCUMENT["components"]["messages"]


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for member in value.values():
            yield from references(member)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def resolve(reference: str) -> Any:
    target: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        target = target[part]
    return target


def test_it_is_an_asyncapi_3_document() -> None:
    servers = {"nats": {**DOCUMENT["servers"]["nats"], "pathname": "/"}}  # asked for by the model

    ApplicationSchema.model_validate({**DOCUMENT, "servers": servers})

    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= set(DOCUMENT["info"])


def test_every_reference_leads_somewhere() -> None:
    found = list(references(DOCUMENT))

    assert found
    assert all(resolve(reference) for reference in found)


def test_every_operation_goes_over_a_channel_one_way() -> None:
    for operation in DOCUMENT["operations"].values():
        assert operation["action"] in {"send", "receive"}
        assert operation["channel"]["$ref"].startswith("#/channels/")


def test_channels_are_the_subjects_of_the_code() -> None:
    parts = {"key": "OPS-17", "type": "closed", "system": "servicenow", "id": "a-1"}
    addresses = {
        re.sub(r"\{(\w+)\}", lambda match: parts[match[1]], channel["address"])
        for channel in CHANNELS.values()
        if channel["address"]
    }

    assert addresses == {
        subjects.event("ops", "OPS-17", "closed"),
        subjects.event("eng", "OPS-17", "closed"),
        subjects.intake("ops", "servicenow", "closed"),
        subjects.intake("eng", "servicenow", "closed"),
        subjects.receipt("servicenow", "a-1"),
        subjects.head("ops"),
        subjects.head("eng"),
        subjects.log_read("ops"),
        subjects.log_read("eng"),
    }


def test_a_channel_says_what_each_of_its_parameters_is() -> None:
    for channel in CHANNELS.values():
        asked = set(re.findall(r"\{(\w+)\}", channel["address"] or ""))
        assert set(channel.get("parameters", {})) == asked


@pytest.mark.parametrize("service", ["ops", "eng"])
def test_every_event_is_a_message_of_its_channel(service: str) -> None:
    published = {
        f"{service}.{short_name(kind.TYPE)}"
        for s in PUBLISHED
        if s == service
        for kind in PUBLISHED[s]
    }
    accepted = {
        f"intake.{service}.{body.TYPE}" for s in ACCEPTED if s == service for body in ACCEPTED[s]
    }

    assert set(CHANNELS[f"{service}.events"]["messages"]) == published
    assert set(CHANNELS[f"intake.{service}"]["messages"]) - {"intake.ops.command"} == accepted


@pytest.mark.parametrize("name", MESSAGES)
def test_the_examples_of_a_message_are_golden_and_what_its_payload_says(name: str) -> None:
    message = MESSAGES[name]
    golden = [json.loads(path.read_bytes()) for path in FOLDER.glob("*.json")]

    Draft202012Validator.check_schema(message["payload"])
    for example in message.get("examples", []):
        assert example["payload"] in golden
        Draft202012Validator(message["payload"]).validate(example["payload"])


def test_it_knows_no_host() -> None:
    [server] = DOCUMENT["servers"].values()

    assert server["host"] == "{host}:{port}"
    assert set(server["variables"]) == {"host", "port"}
