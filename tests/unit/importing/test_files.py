"""Reading a log from disk: what is none is said with what is wrong."""

from __future__ import annotations

import gzip
import lzma
from pathlib import Path

import pytest

from caselog.importing.servicenow import UnusableLog
from caselog.importing.servicenow_files import rows_of

SAMPLE = Path(__file__).parents[3] / "data" / "servicenow" / "incidents-sample.csv"
CONTENT = SAMPLE.read_bytes()
COMPRESSED = {"log.csv.xz": lzma.compress(CONTENT), "log.csv.gz": gzip.compress(CONTENT)}


def damaged(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + b"\x55" * 64 + content[middle + 64 :]


@pytest.mark.parametrize("name", COMPRESSED)
def test_a_compressed_file_reads_like_the_plain_one(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(COMPRESSED[name])

    assert list(rows_of(file)) == list(rows_of(SAMPLE))


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("log.csv.xz", COMPRESSED["log.csv.xz"][:-100], "is cut off"),
        ("log.csv.gz", COMPRESSED["log.csv.gz"][:-100], "is cut off"),
        ("log.csv.xz", damaged(COMPRESSED["log.csv.xz"]), "cannot be decompressed"),
        ("log.csv.gz", damaged(COMPRESSED["log.csv.gz"]), "cannot be decompressed|line 554: not"),
        ("log.csv.gz", CONTENT, "cannot be decompressed"),
        ("log.csv.xz", CONTENT, "cannot be decompressed"),
        ("log.csv", COMPRESSED["log.csv.xz"], "is not UTF-8 text"),
        ("log.csv", CONTENT[:5_000] + b"\xff\xfe" + CONTENT[5_000:], "is not UTF-8 text"),
        ("log.csv", CONTENT[:50_000], r"line \d+: not as many fields as columns"),
        ("log.csv", b"", "line 1: the columns number, .* are missing"),
        ("log.csv", b"\x00" * 100, "line 1: the columns|cannot be read as CSV"),
        ("log.csv", b'"' + b"x" * 200_000, "cannot be read as CSV: field larger"),
    ],
)
def test_what_is_no_such_log_is_refused(
    tmp_path: Path, name: str, content: bytes, complaint: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)

    with pytest.raises(UnusableLog, match=complaint):
        list(rows_of(file))
