"""A process of the fleet: calls the provider through its breakers until SIGTERM."""

from __future__ import annotations

import fcntl
import json
import os
import random
import socket
import sys
import time
from pathlib import Path
from typing import Any

import structlog

from tallystick.resilience import BreakerOpen, BreakerPolicy, Breakers
from tallystick.resilience.fleet import Fleet

NAME = "stripe.collect"


def main() -> None:
    asked = json.loads(sys.argv[1])
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    # Patient with the store: on a busy machine a tenth of a second is nothing.
    store = Fleet(asked["redis"], timeout_s=3)
    breakers = Breakers(policy=BreakerPolicy(**asked["policy"]), chance=random.random, shared=store)
    with Path(asked["trace"]).open("a", buffering=1, encoding="utf-8") as trace:
        while True:
            try:
                word = once(breakers, asked)
            except BreakerOpen:
                word = "open"
            except OSError:
                word = "failed"
            trace.write(f"{os.getpid()} {word}\n")
            time.sleep(0.02)


def once(breakers: Breakers, asked: dict[str, Any]) -> str:
    if not asked["is_idle"]:
        return breakers.call(NAME, lambda: ask(asked["port"]), is_failure=is_trouble)
    with breakers.admit(NAME), Path(asked["trace"] + ".alone").open("w") as alone:
        try:
            fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return "two"
        # So that another would meet it here.
        time.sleep(0.01)
        return "unused"


def ask(port: int) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        line.sendall(str(os.getpid()).encode())
        if line.recv(10) != b"good":
            raise OSError("no good answer")
    return "answered"


def is_trouble(error: BaseException) -> bool:
    return isinstance(error, OSError)


if __name__ == "__main__":
    main()
