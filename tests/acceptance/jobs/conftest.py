"""Real worker processes of a test's own, their trace, and jobs enqueued for them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tallystick import jobs

PROGRAM = Path(__file__).with_name("house.py")


class Workers:
    """A parent and its children on a database, and what their handlers did."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.log = folder / "log"
        self.trace = folder / "trace"
        self.trace.touch()
        self.parents: list[subprocess.Popen[bytes]] = []

    def start(self, *groups: str, **asked: Any) -> subprocess.Popen[bytes]:
        """Start a parent and return it when its children are at work."""
        wanted = {
            "url": self.url,
            "trace": str(self.trace),
            "groups": groups or ("money",),
            "concurrency": 4,
            "stalled_after_s": 1.5,
            "drain_s": 1,
            "has_drain": False,
            **asked,
        }
        ready = len(self.told("worker_ready"))
        with self.log.open("ab") as output:
            parent = subprocess.Popen(
                [sys.executable, str(PROGRAM), json.dumps(wanted)],
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.parents.append(parent)
        self.until(lambda: len(self.told("worker_ready")) >= ready + len(wanted["groups"]), 15)
        return parent

    def told(self, event: str) -> list[dict[str, Any]]:
        """Return the log's lines of one event."""
        if not self.log.exists():
            return []
        lines = self.log.read_text().splitlines()
        found = [json.loads(line) for line in lines if line.startswith("{")]
        return [line for line in found if line["event"] == event]

    def did(self, what: str, mark: str | None = None) -> list[dict[str, Any]]:
        """Return the trace's lines of one kind."""
        found = [json.loads(line) for line in self.trace.read_text().splitlines()]
        return [one for one in found if one["what"] == what and mark in {None, one["mark"]}]

    def until(self, is_so: Callable[[], object], within_s: float) -> float:
        """Wait until it is so and return the seconds it took; fail with the log past that."""
        begun = time.monotonic()
        while not is_so():
            took = time.monotonic() - begun
            assert took < within_s, f"not within {within_s} s:\n{self.log.read_text()[-6000:]}"
            time.sleep(0.02)
        return time.monotonic() - begun

    def enqueue(self, name: str, **arguments: str | int) -> int:
        """Enqueue a job, commit, and return its id."""
        with psycopg.connect(self.url) as conn:
            return jobs.enqueue(conn, name=name, arguments=arguments, queue=name.partition(".")[0])

    def job(self, job_id: int) -> tuple[str, int]:
        """Return a job's status and its attempts."""
        with psycopg.connect(self.url) as conn:
            row = conn.execute(
                "SELECT status::text, attempts FROM procrastinate_jobs WHERE id = %s", (job_id,)
            ).fetchone()
        assert row is not None
        return row[0], row[1]

    def settled(self, job_id: int, status: str, *, within_s: float) -> int:
        """Wait until the job has the status and return its attempts."""
        self.until(lambda: self.job(job_id)[0] == status, within_s)
        return self.job(job_id)[1]

    def stop(self) -> None:
        """End every parent that is still there, and with it its children."""
        for parent in self.parents:
            if parent.poll() is None:
                parent.send_signal(signal.SIGTERM)
        for parent in self.parents:
            with suppress(subprocess.TimeoutExpired):
                parent.wait(8)
            parent.kill()
            parent.wait()


@pytest.fixture
def workers_on(tmp_path: Path) -> Iterator[Callable[[str], Workers]]:
    """Make workers on a database by its address."""
    made: list[Workers] = []

    def make(url: str) -> Workers:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Workers(url, folder))
        return made[-1]

    yield make
    for workers in made:
        workers.stop()


@pytest.fixture
def workers(database: Any, workers_on: Callable[[str], Workers]) -> Workers:
    return workers_on(database.application_url)


@pytest.fixture
def is_alive() -> Callable[[int], bool]:
    def look(pid: int) -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        # A dead child of a dead parent waits for nobody of ours to bury it.
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()

    return look
