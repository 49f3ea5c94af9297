"""A server that crashes under the Writers: what was told as posted is there, and nothing else is.

After a crash PostgreSQL gives numbers of transactions out again that never reached the disk, so a
commit is believed by its rows alone. It has a durable server of its own, which it may crash.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack

import psycopg
import pytest

from factories.ledger import paying
from factories.wallets import wallet
from tallystick import embedded, ledger
from tallystick.db import DatabaseUnavailable
from tallystick.ledger import AccountBusy, OutcomeUnknown, Posted, Writer

LASTS_S = 15
BUSY = (
    "SELECT pid FROM pg_stat_activity"
    " WHERE application_name = 'tallystick-writer' AND backend_xid IS NOT NULL LIMIT 1"
)


@pytest.fixture
def addresses(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crash")
    with embedded.postgres(folder / "data", durable=True) as found:
        environment = {
            **os.environ,
            "TALLYSTICK_OWNER_DATABASE_URL": found.owner_url,
            "TALLYSTICK_DATABASE_URL": found.application_url,
            "TALLYSTICK_REDIS_URL": "redis://127.0.0.1:9/0",
        }
        subprocess.run(
            [sys.executable, "-m", "tallystick.cli", "migrate"], env=environment, check=True
        )
        yield found


class Payer(threading.Thread):
    """Hands deeds to a Writer and keeps which of them were told as posted."""

    def __init__(self, writer: Writer, pair: tuple, until: float) -> None:
        super().__init__()
        self.writer, self.pair, self.until = writer, pair, until
        self.posted: list = []
        self.unknown: list = []

    def run(self) -> None:
        while time.monotonic() < self.until:
            asked = paying(*self.pair)
            try:
                outcome = self.writer.execute(asked)
            except OutcomeUnknown:
                self.unknown.append(asked.id)
            except (DatabaseUnavailable, AccountBusy):
                time.sleep(0.02)
            else:
                assert isinstance(outcome, Posted)
                self.posted.append(asked.id)


def crash(url: str, until: float) -> int:
    """Kill the backend of a Writer that is in a transaction, again and again; return how often."""
    kills = 0
    while time.monotonic() < until:
        with contextlib.suppress(psycopg.Error, ProcessLookupError):
            with psycopg.connect(url, connect_timeout=1) as conn:
                busy = conn.execute(BUSY).fetchone()
            if busy:
                os.kill(busy[0], signal.SIGKILL)
                kills += 1
                time.sleep(1)
        time.sleep(0.01)
    return kills


@pytest.mark.full
class TestCrash:
    def test_loses_nothing_that_was_told_and_tells_nothing_that_was_lost(self, addresses):
        with psycopg.connect(addresses.application_url) as conn:
            pairs = [
                (wallet(conn, minor=10**9).available_id, wallet(conn).available_id)
                for _ in range(3)
            ]
            [(before,)] = conn.execute("SELECT count(*) FROM tallystick.posting").fetchall()
        until = time.monotonic() + LASTS_S
        with ExitStack() as stack:
            writers = [Writer(addresses.application_url) for _ in pairs]
            for writer in writers:
                stack.callback(writer.close)
            payers = [
                Payer(writer, pair, until)
                for writer, pair in zip(writers, pairs, strict=True)
                for _ in range(20)
            ]
            for payer in payers:
                payer.start()
            kills = crash(addresses.owner_url, until)
            for payer in payers:
                payer.join()
        posted = {one for payer in payers for one in payer.posted}
        unknown = {one for payer in payers for one in payer.unknown}
        with psycopg.connect(addresses.application_url) as conn:
            found = {one for (one,) in conn.execute("SELECT id FROM tallystick.posting").fetchall()}
            assert ledger.verify(conn) == []
        assert kills >= 5
        assert posted <= found
        # The wallets' own postings, those that were told, and those of which nobody could tell.
        assert len(found) - before <= len(posted) + len(unknown)
