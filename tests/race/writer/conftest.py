"""What the Writer's tests share: a Writer on a clone, perhaps through a bad line, and its words."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import psycopg
import pytest

from factories.ledger import balance, paying
from factories.wallets import wallet
from tallystick import ledger
from tallystick.ledger import Writer
from tallystick.testing import TcpProxy


@dataclass
class Heard:
    """All that a Writer told of itself."""

    batches: list[int] = field(default_factory=list)
    troubles: Counter[str] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)
    slow: list[int] = field(default_factory=list)
    refused: int = 0
    replayed: int = 0

    def waiting(self, deeds: int) -> None:
        pass

    def waiting_slowly(self, deeds: int) -> None:
        self.slow.append(deeds)

    def batch(self, *, deeds: int, refused: int, replayed: int, seconds: float) -> None:
        assert seconds > 0
        self.batches.append(deeds)
        self.refused += refused
        self.replayed += replayed

    def waited(self, seconds: float) -> None:
        self.waits.append(seconds)

    def trouble(self, what: str) -> None:
        self.troubles[what] += 1


@dataclass
class Desk:
    """A clone with wallets in it, and the Writers on it."""

    database: object
    stack: ExitStack
    heard: Heard = field(default_factory=Heard)
    #: Postings that brought money into the wallets.
    funded: int = 0

    def writer(self, *, line: TcpProxy | None = None, **change: object) -> Writer:
        """Return a Writer that ends with the test; through the line, where there is one."""
        url = self.database.application_url
        made = Writer(url if line is None else line.url(url), gauges=self.heard, **change)
        self.stack.callback(made.close)
        return made

    def line(self) -> TcpProxy:
        """Return a line to the database that can fail."""
        return self.stack.enter_context(TcpProxy.to(self.database.application_url))

    def accounts(self, *minors: int) -> list:
        """Open wallets with so much in them and return their accounts."""
        with self.database.connect() as conn:
            opened = [wallet(conn, minor=minor).available_id for minor in minors]
        self.funded = self.postings()
        return opened

    def balances(self, *accounts) -> list[int]:
        with self.database.connect() as conn:
            return [balance(conn, one) for one in accounts]

    def postings(self) -> int:
        """Return how many postings the Writers have made."""
        return self.database.scalar("SELECT count(*) FROM tallystick.posting") - self.funded

    def hold(self, account) -> psycopg.Connection:
        """Lock an account as somebody else and return the connection that holds it."""
        conn = self.stack.enter_context(psycopg.connect(self.database.application_url))
        conn.execute(
            "SELECT id FROM tallystick.account WHERE id = %s FOR NO KEY UPDATE", (account,)
        )
        return conn

    def occupy(self, writer: Writer, held, payee) -> psycopg.Connection:
        """Have the Writer wait for an account for a while, so that what comes then is gathered.

        Returns the connection that holds it.
        """
        holder = self.hold(held)
        writer.submit(paying(held, payee))
        time.sleep(0.1)
        return holder


@pytest.fixture
def desk(database) -> Iterator[Desk]:
    with ExitStack() as stack:
        made = Desk(database, stack)
        yield made
    with database.connect() as conn:
        assert ledger.verify(conn) == []
