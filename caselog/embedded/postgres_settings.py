"""The settings of an embedded PostgreSQL server: for two cores and little memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from caselog.embedded.ports import LOOPBACK


@dataclass(frozen=True, slots=True)
class PostgresOptions:
    """What tests change, to save memory and time.

    Not ``durable``: what was committed survives the end of the server, not of the system.
    """

    durable: bool = True
    shared_buffers: str = "256MB"
    max_connections: int = 100


def settings(home: Path, data: Path, port: int, options: PostgresOptions) -> str:
    """The text of ``postgresql.conf``, which includes ``local.conf`` of ``home`` if it is there."""
    sure = "on" if options.durable else "off"
    local = home / "local.conf"
    return f"""\
# Written anew at every start. Settings of your own go into local.conf beside it.
shared_buffers = {options.shared_buffers}
max_connections = {options.max_connections}
work_mem = 8MB
maintenance_work_mem = 64MB
effective_cache_size = 512MB
random_page_cost = 1.1
jit = off
max_worker_processes = 4
max_parallel_workers_per_gather = 0
autovacuum_max_workers = 2
autovacuum_naptime = 15s
io_method = sync
max_wal_size = 2GB
checkpoint_timeout = 15min
password_encryption = scram-sha-256
scram_iterations = 512  # passwords are random; more would only make connecting slower
timezone = UTC
log_timezone = UTC
log_line_prefix = '%m [%p] %q%u@%d '
log_checkpoints = off
{f"include = {quoted(local)}" if local.exists() else ""}
# What follows is not for tuning.
data_directory = {quoted(data)}
hba_file = {quoted(data / "pg_hba.conf")}
ident_file = {quoted(data / "pg_ident.conf")}
listen_addresses = '{LOOPBACK}'
port = {port}
unix_socket_directories = ''
synchronous_commit = on
fsync = {sure}
full_page_writes = {sure}
"""


def quoted(path: Path) -> str:
    """A path as a value of postgresql.conf."""
    text = str(path).replace("\\", "\\\\").replace("'", "''")
    return f"'{text}'"
