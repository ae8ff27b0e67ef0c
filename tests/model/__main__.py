"""``python -m tests.model``: the model within bounds of your own, or a wrong protocol's trace."""

from __future__ import annotations

import argparse
import sys
from time import perf_counter

from tests.model.search import Search, told
from tests.model.states import Budget
from tests.model.variants import FULL, WRONG

DEFAULT = Budget(events=3, crashes=1, wipes=1, restores=1)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.model", description=__doc__)
    for name, count in DEFAULT._asdict().items():
        parser.add_argument(f"--{name}", type=int, default=count, help=f"at most ({count})")
    parser.add_argument(
        "--wrong", choices=[each.name for each in WRONG], help="show how this protocol goes wrong"
    )
    asked = vars(parser.parse_args())
    wrong = next((each for each in WRONG if each.name == asked.pop("wrong")), None)
    budget = wrong.budget if wrong else Budget(**asked)
    began = perf_counter()
    found = Search(wrong.protocol if wrong else FULL, budget).run()
    sys.stdout.write(f"{budget}\n{found.states:,} states, {found.edges:,} steps between them, ")
    sys.stdout.write(f"{found.depth} deep, {perf_counter() - began:.1f} s\n")
    if found.counterexample is not None:
        sys.stdout.write(f"{told(found.counterexample)}\n")
    return int(found.counterexample is not None and wrong is None)


if __name__ == "__main__":
    sys.exit(main())
