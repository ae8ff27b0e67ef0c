"""Reading an incident log from disk, compressed or not."""

from __future__ import annotations

import csv
import gzip
import lzma
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, TextIO, cast

from caselog.importing.servicenow import Row, UnusableLog, check_columns

_OPENERS: Final[Mapping[str, Callable[..., object]]] = {".xz": lzma.open, ".gz": gzip.open}


def rows_of(path: Path) -> Iterator[Row]:
    """The rows of a CSV file (``.csv``, ``.csv.xz``, ``.csv.gz``), as text by column.

    Raises UnusableLog if it is not such a file, OSError if it cannot be opened.
    """
    opener = _OPENERS.get(path.suffix, open)
    try:
        with cast("TextIO", opener(path, "rt", newline="", encoding="utf-8")) as file:
            reader = csv.DictReader(file)
            check_columns(reader.fieldnames)
            for row in reader:
                if None in row or None in row.values():
                    raise UnusableLog(f"line {reader.line_num}: not as many fields as columns")
                yield row
    except (csv.Error, UnicodeDecodeError, lzma.LZMAError, gzip.BadGzipFile, EOFError) as error:
        raise UnusableLog(f"{path.name} cannot be read as CSV: {error}") from error
