"""The services share a skeleton, never a file: a renamed copy is a mechanism in the wrong place.

A hit means: move the mechanism down into shared/, or find where the two models really differ. It is
never cured by sharing states or deciders.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SIMILAR_LINES_MIN = 12


def twins(folder: Path) -> str:
    """What pylint has to say about equal passages in the files below a folder; nothing is good."""
    command = [
        *(sys.executable, "-m", "pylint", "--rcfile=", "--persistent=no", "--score=no"),
        *("--disable=all", "--enable=duplicate-code"),
        f"--min-similarity-lines={SIMILAR_LINES_MIN}",
        *("--ignore-imports=yes", "--ignore-signatures=yes", "--ignore-docstrings=yes"),
        str(folder),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_no_service_holds_a_copy_of_another() -> None:
    assert twins(ROOT / "services") == ""


def test_a_copy_is_found(tmp_path: Path) -> None:
    body = "".join(f"    total += {n} * step\n" for n in range(SIMILAR_LINES_MIN))
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
        source = f"def {name}(step, total):\n{body}    return total\n"
        (tmp_path / name / f"{name}_things.py").write_text(source)
    (tmp_path / "__init__.py").touch()

    assert "duplicate-code" in twins(tmp_path)
