"""The journal of an import: what it says is finished is, whenever it was cut off."""

from __future__ import annotations

from pathlib import Path

import pytest

from caselog.importing.journal import Journal


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "log.csv"
    path.write_text("number\n")
    return path


def finished(tmp_path: Path, source: Path) -> set[str]:
    with Journal(tmp_path / "imports", source) as journal:
        return journal.finished


def test_what_is_finished_is_known_to_the_next_run(tmp_path: Path, source: Path) -> None:
    assert finished(tmp_path, source) == set()
    with Journal(tmp_path / "imports", source) as journal:
        journal.finish("INC1")
        journal.finish("INC 2")

    assert finished(tmp_path, source) == {"INC1", "INC 2"}


def test_another_file_has_another_journal_and_a_copy_the_same(tmp_path: Path, source: Path) -> None:
    with Journal(tmp_path / "imports", source) as journal:
        journal.finish("INC1")
    other, copy = tmp_path / "other.csv", tmp_path / "copy.csv"
    other.write_text("number\nINC1\n")
    copy.write_bytes(source.read_bytes())

    assert finished(tmp_path, other) == set()
    assert finished(tmp_path, copy) == {"INC1"}


def test_a_number_that_was_cut_off_is_not_taken_for_another(tmp_path: Path, source: Path) -> None:
    with Journal(tmp_path / "imports", source) as journal:
        journal.finish("INC1")
        journal.finish("INC23")
    (file,) = (tmp_path / "imports").iterdir()
    file.write_bytes(file.read_bytes()[:-2])  # now it ends in INC2

    assert finished(tmp_path, source) == {"INC1"}
    with Journal(tmp_path / "imports", source) as journal:
        journal.finish("INC4")
    assert finished(tmp_path, source) == {"INC1", "INC4"}
