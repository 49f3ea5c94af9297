"""Threads that begin together, and a reader of all balances who watches them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg

from tallystick import ledger

READ_EVERY_S = 0.05


def together(count: int, run: Callable[[int], object]) -> list[object]:
    """Run so many threads that start together and return what each returned."""
    gate = threading.Barrier(count)

    def go(number: int) -> object:
        gate.wait(timeout=60)
        return run(number)

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(go, range(count)))


@dataclass
class Seen:
    """What the reader saw: sums of all balances, and the least balance of a wallet."""

    sums: list[int] = field(default_factory=list)
    least: list[int] = field(default_factory=list)
    troubles: list[Exception] = field(default_factory=list)


@contextmanager
def watched(database) -> Iterator[Seen]:
    """Read all balances in one statement every 50 ms, until the block ends and once after."""
    seen = Seen()
    ending = threading.Event()
    statement = (
        "SELECT sum(balance)::bigint, min(balance) FILTER (WHERE floor = 0) FROM tallystick.account"
    )

    def read() -> None:
        try:
            with psycopg.connect(database.application_url, autocommit=True) as conn:
                while True:
                    is_last = ending.is_set()
                    total, least = conn.execute(statement).fetchone()
                    seen.sums.append(total)
                    seen.least.append(least)
                    if is_last:
                        return
                    ending.wait(READ_EVERY_S)
        except psycopg.Error as trouble:
            seen.troubles.append(trouble)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield seen
    finally:
        ending.set()
        reader.join()
    assert seen.troubles == []
    assert set(seen.sums) == {0}
    assert min(seen.least) >= 0
    with database.connect() as conn:
        assert ledger.verify(conn) == []
