"""The AsyncAPI document of the pair, as it is generated and checked in."""

from __future__ import annotations

from importlib.resources import files


def asyncapi_document() -> bytes:
    """The JSON text of what goes over the bus."""
    return files("shared.events").joinpath("schemas/asyncapi.json").read_bytes()
