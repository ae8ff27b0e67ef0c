"""``caselog import servicenow`` on a running stack: all recorded, once, however it was cut off."""

from __future__ import annotations

import csv
import lzma
import re
import shutil
import signal
from collections import Counter
from itertools import count
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from caselog.endpoints import Endpoints
from tests.kit.command import Ran, caselog, running
from tests.kit.stack import RunningUp, kill_part
from tests.kit.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300)]

SAMPLE: Final = Path(__file__).parents[2] / "data" / "servicenow" / "incidents-sample.csv"
_numbers = count(1)


def rows_of_sample(incidents: int) -> list[dict[str, str]]:
    """The rows of the sample's first incidents, under numbers that no other test has."""
    run = next(_numbers)
    with SAMPLE.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    known = list(dict.fromkeys(row["number"] for row in rows))[:incidents]
    return [{**row, "number": f"T{run}-{row['number']}"} for row in rows if row["number"] in known]


def written(directory: Path, rows: list[dict[str, str]]) -> Path:
    path = directory / "log.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def figure(ran: Ran, name: str) -> int:
    """A figure of the tables that an import prints; 0 if it is not among them."""
    found = re.search(rf"│ {re.escape(name)} +│ +([\d,]+) +│", ran.out)
    return int(found[1].replace(",", "")) if found else 0


async def asked(endpoints: Endpoints, path: str, **params: str) -> Any:
    headers = {"Authorization": f"Bearer {endpoints.tokens['operator']}"}
    async with httpx.AsyncClient(headers=headers, params=params) as client:
        answer = await client.get(path)
    assert answer.is_success, answer.text
    return answer.json()


async def heads(endpoints: Endpoints) -> list[int]:
    """The positions of both logs, once each holds what the other published."""

    async def at_rest() -> list[int] | None:
        ops, eng = [await asked(endpoints, f"{url}/lag") for url in (endpoints.ops, endpoints.eng)]
        rest = ops["received"] == eng["sequence"] and eng["received"] == ops["sequence"]
        return [ops["position"], eng["position"]] if rest else None

    found = await eventually(at_rest, 30)
    assert found is not None
    return found


async def issues_of(endpoints: Endpoints, numbers: set[str]) -> Counter[str]:
    """How many issues each incident has here."""
    found: Counter[str] = Counter()
    for number in numbers:
        case = f"servicenow:{number}"
        found[number] += len(
            (await asked(endpoints, f"{endpoints.ops}/issues", source_case=case))["items"]
        )
    return found


def journal(stack: RunningUp) -> set[str]:
    """All that is finished, of whatever file."""
    files = (stack.data / "imports").glob("*.done")
    return {line for file in files for line in file.read_text().splitlines()}


async def test_the_sample_is_recorded_whole_and_imported_again_nothing_is_doubled(
    stack: RunningUp,
) -> None:
    endpoints = await stack.ready()

    first = await caselog("import", "servicenow", str(SAMPLE), data=stack.data)

    assert first.code == 0, first
    recorded = figure(first, "events recorded")
    assert (figure(first, "incidents"), figure(first, "rows"), recorded) == (200, 1135, 1399)
    assert "Refused" not in first.out
    assert figure(first, "nothing new") > 0
    assert "read back: 199 incidents that ended Closed are Issue is Closed here, 0 are not" in (
        first.out
    )
    after_first = await heads(endpoints)

    second = await caselog("import", "servicenow", str(SAMPLE), data=stack.data)
    shutil.rmtree(stack.data / "imports")
    third = await caselog("import", "servicenow", str(SAMPLE), data=stack.data)

    assert (second.code, third.code) == (0, 0)
    assert figure(second, "incidents") == 0
    assert figure(second, "finished by an earlier run") == 200
    assert figure(third, "events duplicate") == recorded
    assert figure(third, "events recorded") == 0
    assert "read back: 199 incidents" in second.out
    assert await heads(endpoints) == after_first
    verified = await caselog("verify", data=stack.data)
    assert verified.code == 0, verified.out
    assert "pair holds, " in verified.out


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
async def test_cut_off_in_the_middle_it_goes_on_and_doubles_nothing(
    stack: RunningUp, tmp_path: Path, sent: signal.Signals
) -> None:
    endpoints = await stack.ready()
    rows = rows_of_sample(40)
    file, numbers = written(tmp_path, rows), {row["number"] for row in rows}
    arguments = ("import", "servicenow", str(file), "--concurrency", "8")
    async with running(*arguments, data=stack.data) as command:
        await eventually(lambda: len(journal(stack) & numbers) >= 10, 60)
        cut_off = await command.ends(sent)
    assert len(journal(stack) & numbers) < len(numbers), "it was to be cut off in the middle"

    ran = await caselog(*arguments, data=stack.data)

    assert ran.code == 0, ran
    if sent == signal.SIGINT:
        assert cut_off.code == 130
        assert cut_off.err.splitlines()[-1] == (
            "caselog: interrupted. Run the same command again to go on"
        )
    assert figure(ran, "finished by an earlier run") >= 10
    assert re.search(r"read back: \d+ incidents .*, 0 are not", ran.out)
    assert await issues_of(endpoints, numbers) == dict.fromkeys(numbers, 1)
    after = await heads(endpoints)
    shutil.rmtree(stack.data / "imports")
    again = await caselog(*arguments, data=stack.data)
    assert figure(again, "events recorded") == 0
    assert await heads(endpoints) == after


@pytest.mark.chaos
async def test_broker_and_services_are_killed_under_it_and_it_goes_on(
    stack: RunningUp, tmp_path: Path
) -> None:
    endpoints = await stack.ready()
    rows = rows_of_sample(200)
    file, numbers = written(tmp_path, rows), {row["number"] for row in rows}
    async with running("import", "servicenow", str(file), data=stack.data) as command:
        for part in ("nats", "eng", "ops"):
            before = await asked_when_there(endpoints)
            await eventually(lambda: moved_past(endpoints, before + 100), 90, every=0.1)  # noqa: B023
            kill_part(stack.data, part)
        ran = await command.ends()

    assert ran.code == 0, ran
    assert "caselog: connected to NATS again" in ran.err
    assert figure(ran, "events refused") == 0
    assert await issues_of(endpoints, numbers) == dict.fromkeys(numbers, 1)
    verified = await caselog("verify", data=stack.data)
    assert verified.code == 0, verified.out


async def position_if_there(endpoints: Endpoints) -> int | None:
    try:
        return int((await asked(endpoints, f"{endpoints.ops}/lag"))["position"])
    except (httpx.TransportError, AssertionError):
        return None


async def moved_past(endpoints: Endpoints, position: int) -> bool:
    return (await position_if_there(endpoints) or 0) > position


async def asked_when_there(endpoints: Endpoints) -> int:
    position = await eventually(lambda: position_if_there(endpoints), 60)
    assert position is not None
    return position


async def test_limit_and_concurrency(stack: RunningUp, tmp_path: Path) -> None:
    await stack.ready()
    rows = rows_of_sample(9)
    file = written(tmp_path, rows)
    numbers = list(dict.fromkeys(row["number"] for row in rows))

    some = await caselog(
        *("import", "servicenow", str(file), "--limit", "4", "--concurrency", "1"), data=stack.data
    )
    assert (some.code, figure(some, "incidents")) == (0, 4), some
    # One at a time, they are finished in the order of the file.
    (log,) = [each for each in (stack.data / "imports").iterdir() if numbers[0] in each.read_text()]
    assert log.read_text().splitlines() == numbers[:4]

    rest = await caselog("import", "servicenow", str(file), data=stack.data)
    assert (figure(rest, "finished by an earlier run"), figure(rest, "incidents")) == (4, 5)


async def test_an_incident_that_cannot_be_opened_is_told_and_tried_again_the_next_time(
    stack: RunningUp, tmp_path: Path
) -> None:
    endpoints = await stack.ready()
    rows = rows_of_sample(5)
    numbers = list(dict.fromkeys(row["number"] for row in rows))
    for row in rows:
        if row["number"] == numbers[2]:
            row["priority"] = "5 - Planning"
    file = written(tmp_path, rows)

    ran = await caselog("import", "servicenow", str(file), data=stack.data)
    again = await caselog("import", "servicenow", str(file), data=stack.data)

    for each in (ran, again):
        assert each.code == 1
        assert figure(each, "ops opened: invalid") == 1
        assert f"refused: {numbers[2]}-0-0 opened: data.severity: " in each.out
        assert figure(each, "events not published, behind one that failed") > 0
        assert "run the same command again" in each.out
        assert f"not closed: {numbers[2]}: not found" in each.out
    assert figure(again, "incidents") == 1
    assert figure(again, "finished by an earlier run") == 4
    found = await issues_of(endpoints, set(numbers))
    assert [found[number] for number in numbers] == [1, 1, 0, 1, 1]


async def test_what_a_manager_made_of_a_team_stays_so(stack: RunningUp, tmp_path: Path) -> None:
    endpoints = await stack.ready()
    headers = {"Authorization": f"Bearer {endpoints.tokens['manager']}"}
    statuses = ["Inbox", "Work", "Ask Ops", "Done"]
    workflow = {"statuses": statuses, "default": "Inbox", "review": "Ask Ops", "closed": ["Done"]}
    rows = rows_of_sample(3)
    group = next(row["assignment_group"] for row in rows if row["assignment_group"] != "?")
    key = f"G{group.split()[-1]}"
    async with httpx.AsyncClient(base_url=endpoints.eng, headers=headers) as manager:
        made = await manager.put(f"/teams/{key}", json={"name": "Ours", "workflow": workflow})
        assert made.is_success, made.text

    ran = await caselog("import", "servicenow", str(written(tmp_path, rows)), data=stack.data)

    assert ran.code == 0, ran
    (team,) = [
        each
        for each in (await asked(endpoints, f"{endpoints.eng}/teams", limit="1000"))["items"]
        if each["team"] == key
    ]
    assert (team["name"], team["workflow"]["statuses"]) == ("Ours", statuses)


async def test_without_a_terminal_there_is_no_bar(stack: RunningUp, tmp_path: Path) -> None:
    await stack.ready()

    ran = await caselog(
        *("import", "servicenow", str(written(tmp_path, rows_of_sample(2)))), data=stack.data
    )

    assert all(line.startswith("importing: ") for line in ran.err.splitlines())
    assert "\x1b" not in ran.out + ran.err
    assert max(map(len, ran.out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("log.csv", b"what,is,this\n1,2,3\n", "line 1: the columns number, incident_state, "),
        ("log.csv.xz", lzma.compress(SAMPLE.read_bytes())[:-500], "is cut off"),
        ("log.csv.xz", SAMPLE.read_bytes(), "cannot be decompressed"),
        ("log.csv", SAMPLE.read_bytes()[:-30], "not as many fields as columns"),
        ("missing.csv", None, "does not exist"),
    ],
)
async def test_a_file_that_is_no_such_log_is_refused_before_anything_is_published(
    stack: RunningUp, tmp_path: Path, name: str, content: bytes | None, complaint: str
) -> None:
    endpoints = await stack.ready()
    before = await heads(endpoints)
    if content is not None:
        (tmp_path / name).write_bytes(content)

    ran = await caselog("import", "servicenow", str(tmp_path / name), data=stack.data)

    assert ran.code == 2
    assert complaint in ran.err
    assert name in ran.err
    assert "Traceback" not in ran.err
    assert await heads(endpoints) == before
