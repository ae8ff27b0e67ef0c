"""Reading an incident log from disk, compressed or not."""

from __future__ import annotations

import csv
import gzip
import lzma
import zlib
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
    except EOFError as error:
        raise UnusableLog("is cut off: its compressed data ends too early") from error
    except (lzma.LZMAError, gzip.BadGzipFile, zlib.error) as error:
        raise UnusableLog(f"cannot be decompressed: {error}") from error
    except UnicodeDecodeError as error:
        raise UnusableLog(f"is not UTF-8 text: {error.reason}") from error
    except csv.Error as error:
        raise UnusableLog(f"cannot be read as CSV: {error}") from error
