"""What a run of mutmut left: a table by module, and the survivors that nobody has explained.

``python -m tests.mutants`` ends with 1 if there are such. A survivor is known by its function and
by the change, not by its number, which is another one after every edit. The list of those that are
explained is ``docs/developers/survivors.md``: a line each, ``- `function`: `change` ``, under the
heading that says why.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code

MUTANTS: Final = Path("mutants")
ACCEPTED: Final = Path("docs/developers/survivors.md")
_LINE: Final = re.compile(r"^- `(?P<function>[^`]+)`: `(?P<change>.+)`(?: \(×(?P<times>\d+)\))?$")
UNPROVEN: Final = frozenset({"survived", "no tests", "suspicious", "segfault"})
COLUMNS: Final = ("killed", "timeout", "survived", "no tests", "not checked")

Survivor = tuple[str, str]
"""A function, and what was changed in it."""


def results() -> Iterator[tuple[Path, str, str]]:
    """A source file, the name of a mutant of it, and what became of it."""
    for meta in sorted(MUTANTS.rglob("*.py.meta")):
        path = meta.relative_to(MUTANTS).with_suffix("")
        for name, code in json.loads(meta.read_text())["exit_code_by_key"].items():
            yield path, name, status_by_exit_code[code]


def described(path: Path, name: str) -> Survivor:
    module, _, mangled = name.rpartition(".")
    function = mangled.partition("__mutmut_")[0]
    function = function.removeprefix("x_").replace("xǁ", "").replace("ǁ", ".")
    diff = get_diff_for_mutant(name, path=path).splitlines()[2:]
    was = " ".join(line[1:].strip() for line in diff if line.startswith("-"))
    now = " ".join(line[1:].strip() for line in diff if line.startswith("+"))
    return f"{module}.{function}", f"{was} → {now}".replace("`", "'")


def accepted() -> Counter[Survivor]:
    found: Counter[Survivor] = Counter()
    if ACCEPTED.exists():
        for line in ACCEPTED.read_text().splitlines():
            match = _LINE.match(line)
            if match:
                found[match["function"], match["change"]] += int(match["times"] or 1)
    return found


def main() -> int:
    table: dict[str, Counter[str]] = {}
    survivors: Counter[Survivor] = Counter()
    run: set[str] = set()
    for path, name, status in results():
        counts = table.setdefault(str(path), Counter())
        counts[status if status in COLUMNS else "survived"] += 1
        if status != "not checked":
            run.add(str(path).removesuffix(".py").replace("/", "."))
        if status in UNPROVEN:
            survivors[described(path, name)] += 1
    width = max(map(len, table), default=0)
    print(f"{'':{width}}", *(f"{column:>12}" for column in COLUMNS))
    for path_name, counts in table.items():
        if counts["not checked"] < counts.total():
            print(f"{path_name:{width}}", *(f"{counts[column]:>12}" for column in COLUMNS))
    known = accepted()
    news = survivors - known
    print(f"\n{survivors.total()} survived, {(survivors & known).total()} of them explained")
    for (function, change), times in sorted(news.items()):
        print(f"- `{function}`: `{change}`" + (f" (×{times})" if times > 1 else ""))
    gone = [each for each in known - survivors if each[0].rsplit(".", 1)[0] in run]
    if gone and "--gone" in sys.argv:
        print("\nexplained, and not among the survivors:")
        for function, change in sorted(gone):
            print(f"- `{function}`: `{change}`")
    return 1 if news else 0


if __name__ == "__main__":
    sys.exit(main())
