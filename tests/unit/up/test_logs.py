"""Logs stay within their limit without their writer noticing."""

from __future__ import annotations

from pathlib import Path

from caselog.logs import cap


def test_a_log_that_is_too_large_moves_aside_and_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "part.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"old\n" * 10)

        cap([log], bytes_max=39)
        writer.write(b"new\n")

    assert log.read_bytes() == b"new\n"
    assert (tmp_path / "part.log.1").read_bytes() == b"old\n" * 10


def test_a_log_within_its_limit_is_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "part.log"
    log.write_bytes(b"x" * 39)

    cap([log], bytes_max=39)

    assert log.stat().st_size == 39
    assert not (tmp_path / "part.log.1").exists()
