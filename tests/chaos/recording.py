"""Turns what is asked and what is answered into lines of the history."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any, Final

import httpx

from tests.chaos.history import Line, Service

OK: Final = frozenset({200, 201})
MOVED_ON: Final = "/problems/moved-on"
UNSETTLED: Final = "/problems/unsettled"


class Wish:
    """One operation of one client: what it wants, and how its lines begin."""

    def __init__(self, recorder: Recorder, process: str, service: Service, f: str) -> None:
        self.number = next(recorder.numbers)
        self.token = f"~{process.rstrip('0123456789')}-{self.number}~"
        self.process = process
        self.service = service
        self.f = f
        self.key: str | None = None
        self.recorder = recorder

    def asked(self) -> None:
        self._line("invoke")

    def told(self, answer: httpx.Response) -> Line:
        """What an answer over HTTP means."""
        body = body_of(answer)
        kind = str(body.get("type", ""))
        passes = answer.status_code in {429, 503} or kind == MOVED_ON
        said = json.dumps({k: v for k, v in body.items() if k != "instance"}, sort_keys=True)
        if answer.status_code in OK:
            stream = body.get("key") or body.get("ops_issue")
            return self._line(
                "ok",
                status=answer.status_code,
                said=said,
                position=body.get("position"),
                version=body.get("version"),
                stream=stream,
            )
        if answer.status_code >= 500 and not passes:
            rule = "unsettled" if kind == UNSETTLED else "internal"
            return self._line("unknown", status=answer.status_code, said=said, rule=rule)
        rule = body.get("rule") or kind.rpartition("/")[2]
        return self._line(
            "refused",
            status=answer.status_code,
            said=None if passes else said,
            rule=rule,
            passes=passes,
        )

    def receipt(self, receipt: dict[str, Any]) -> Line:
        """What a receipt means. A duplicate says again what was recorded."""
        if receipt["outcome"] == "refused":
            return self._line("refused", rule=receipt.get("rule"))
        return self._line("ok", position=receipt.get("position"), stream=receipt.get("key"))

    def lost(self, error: object) -> Line:
        """Nobody answered."""
        return self._line("unknown", rule=type(error).__name__)

    def never_left(self, error: object) -> Line:
        """There was no connection to send it on."""
        return self._line("refused", rule=type(error).__name__, passes=True)

    def _line(self, type: str, **told: Any) -> Line:  # noqa: A002 - the word of histories
        line = Line(
            time=self.recorder.now(),
            process=self.process,
            type=type,  # type: ignore[arg-type]
            op=self.number,
            f=self.f,
            service=self.service,
            token=self.token,
            key=self.key,
            **told,
        )
        self.recorder.history.append(line)
        return line


class Recorder:
    """The history of a run."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self.numbers = itertools.count(1)
        self.history: list[Line] = []

    def now(self) -> float:
        return self._loop.time() - self._began


def body_of(answer: httpx.Response) -> dict[str, Any]:
    """The JSON object of an answer; empty if it is none."""
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
