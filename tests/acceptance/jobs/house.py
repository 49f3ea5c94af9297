"""A house of test handlers behind the real workers: a program that tests start.

Every handler writes what it does, with the system's monotonic time, into one trace file.
"""

from __future__ import annotations

import json
import os
import sys
import time
from functools import partial
from pathlib import Path

import psycopg

from tallystick import jobs
from tallystick.jobs.worker import Family, run_group
from tallystick.observability import configure


class House:
    """Handlers and a drain that leave a trace."""

    def __init__(self, url: str, trace: Path) -> None:
        self.url = url
        self.trace = trace

    def tell(self, what: str, mark: str) -> None:
        line = json.dumps({"what": what, "mark": mark, "pid": os.getpid(), "at": time.monotonic()})
        with self.trace.open("a") as file:
            file.write(line + "\n")

    def note(self, mark: str) -> None:
        self.tell("note", mark)

    def slow(self, mark: str, ms: int) -> None:
        self.tell("begun", mark)
        time.sleep(ms / 1000)
        self.tell("ended", mark)

    def crash(self, mark: str) -> None:
        self.tell("crash", mark)
        os._exit(9)

    def fail(self, mark: str) -> None:
        self.tell("fail", mark)
        raise RuntimeError(mark)

    def stop_iteration(self, mark: str) -> None:
        self.tell("stop_iteration", mark)
        next(iter(()))

    def give_up(self, mark: str) -> None:
        self.tell("give_up", mark)
        raise jobs.GiveUp("The provider said no for good.")

    def tick(self) -> None:
        self.tell("tick", "")

    def drain(self) -> int:
        with psycopg.connect(self.url, connect_timeout=2) as conn:
            rows = conn.execute(
                "DELETE FROM test_inbox WHERE mark IN (SELECT mark FROM test_inbox"
                " LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING mark"
            ).fetchall()
        for (mark,) in rows:
            self.tell("drained", mark)
        return len(rows)

    def registry(self) -> jobs.Registry:
        registry = jobs.Registry()
        for name in ("note", "slow", "crash", "fail", "stop_iteration", "give_up"):
            for queue in ("money", "webhooks"):
                registry.add(
                    jobs.Handler(
                        f"{queue}.{name}",
                        queue=queue,
                        run=getattr(self, name),
                        attempts_max=3,
                        backoff=lambda _runs: 0.1,
                    )
                )
        registry.add(jobs.Handler("upkeep.tick", queue="upkeep", run=self.tick))
        registry.add_periodic(jobs.Periodic("upkeep.tick", every_s=1))
        return registry


def main() -> None:
    """Run the groups that the first argument, an object in JSON, asks for."""
    asked = json.loads(sys.argv[1])
    configure("INFO", "json")
    house = House(asked["url"], Path(asked["trace"]))
    drains = [jobs.Drain("test", group="webhooks", channel="test_inbox", run=house.drain, most=1)]
    members = {
        group: partial(
            run_group,
            registry=house.registry(),
            drains=drains if asked["has_drain"] else [],
            group=group,
            url=asked["url"],
            concurrency=asked["concurrency"],
            stalled_after_s=asked["stalled_after_s"],
            attempts_max=3,
            drain_s=asked["drain_s"],
        )
        for group in asked["groups"]
    }
    Family(members, patience_s=asked["drain_s"] + 2).run()


if __name__ == "__main__":
    main()
