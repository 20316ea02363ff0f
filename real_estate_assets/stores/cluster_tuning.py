"""The private cluster's postgresql.conf: every number with its reason.

Belongs here: what Postgres is told at start. Does not belong here: where files stand or how the server is started.
"""

from __future__ import annotations

import os
from pathlib import Path

MIB = 1024 * 1024


_SERVER = """\
# Written by `reos up` at each start: changes made here are lost.
listen_addresses = '127.0.0.1'         # loopback only
port = {port}
unix_socket_directories = {socket_dir}
unix_socket_permissions = 0700         # the server's own user; everybody else comes by TCP with a password
password_encryption = 'scram-sha-256'
timezone = 'UTC'
log_timezone = 'UTC'

# Connections: 20 Dagster runs at most, each with up to 3 (events, warehouse, lock), plus webserver, daemon and people.
max_connections = 120
# A three-level partition of 1,000 tenants x 20 models is 40,020 tables; a statement that must lock them all (removing
# a model, pg_dump) needs a lock each. The table of locks holds 512 x 120 = 61,440 entries, about 17 MB.
max_locks_per_transaction = 512

shared_buffers = {shared_buffers}MB
effective_cache_size = {cache}MB
# One sort or hash. Builds run one at a time per tenant, so 32 MB x a few nodes x a few builds stays under 1 GB.
work_mem = 32MB
maintenance_work_mem = 128MB           # index builds of a tenant's heap: half a million rows fit
random_page_cost = 1.1                 # solid state disks; 4.0 would prefer scans of whole heaps
jit = off                              # plans over many partitions pay more for compilation than they gain

max_wal_size = 2GB                     # a demo build writes under 1 GB: no checkpoint in its middle
checkpoint_timeout = 15min
autovacuum_naptime = 30s               # swaps leave catalogue rows behind; half the default keeps pg_class small
max_worker_processes = 8
max_parallel_workers_per_gather = 1    # on two cores a second worker starves the other tenant

logging_collector = off                # the log goes where pg_ctl -l says
log_line_prefix = '%m [%p] %q%u@%d '
log_min_duration_statement = 5000      # milliseconds: slow enough to be worth a line
log_checkpoints = off
"""
_THROWAWAY = """
# Thrown away after the tests: nothing must survive a crash, so nothing waits for the disk.
fsync = off
synchronous_commit = off
full_page_writes = off
autovacuum = off                       # a fresh database per test is gone before it would help
"""


def machine_memory() -> int:
    """Bytes of memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _quoted(value: Path) -> str:
    """A path as a string of postgresql.conf (a quote inside is doubled)."""
    return "'" + str(value).replace("\\", "\\\\").replace("'", "''") + "'"


def postgresql_conf(*, port: int, socket_dir: Path, memory: int, throwaway: bool) -> str:
    """The text of postgresql.conf for a machine with ``memory`` bytes, durable unless ``throwaway``."""
    # An eighth of memory, since Dagster, dbt and the operating system's cache share the machine; from 128 MB (the
    # server's own default) to 2 GB (tenants' heaps are small: beyond that the system's cache does as well).
    shared_buffers = 128 if throwaway else min(max(memory // 8 // MIB, 128), 2048)
    # What the planner may expect to find cached, here and in the operating system: half of memory.
    cache = max(memory // 2 // MIB, 256)
    conf = _SERVER.format(port=port, socket_dir=_quoted(socket_dir), shared_buffers=shared_buffers, cache=cache)
    return conf + _THROWAWAY if throwaway else conf
