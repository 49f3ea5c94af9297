"""How fast the ledger is, beside what PostgreSQL does with one function call a transfer.

Rounds of pgbench and of ours take turns on one durable database, and the median is told with
the least and the greatest. Afterwards the books are verified: a figure of wrong books is none.
"""

from __future__ import annotations

import random
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from queue import SimpleQueue
from threading import Event
from typing import Final
from uuid import UUID

import psycopg
from benchmarks._database import cpu_s, durable, pgbench, settings

from tallystick import chart, db, ids, ledger, process
from tallystick.idempotency import Claim, Outcome
from tallystick.ledger import AccountPlan, Deed, Move, Once, Posted, Promise, Writer
from tallystick.money import Currency, Money

KES: Final = Currency("KES")
ACCOUNTS: Final = 10_000
CALLERS: Final = 256
ROUNDS: Final = 5
#: Transfers of one round of ours.
PORTION: Final = 40_000
BATCH: Final = 1_000
VERIFIED: Final = 1_000_000
PGBENCH_S: Final = 4
#: Clients of pgbench that were tried: the best of them counts.
CLIENTS: Final = (8, 32, 64)
#: As long as the body of a transfer that the API keeps.
ANSWER: Final = Outcome(201, b"." * 330)

#: One call, one transfer: the rows of a transfer alone, its floor and order kept.
FUNCTION: Final = """
CREATE SCHEMA bench;
GRANT USAGE ON SCHEMA bench TO tallystick_application;
CREATE TABLE bench.place (number integer PRIMARY KEY, account_id uuid NOT NULL);
GRANT SELECT, INSERT ON bench.place TO tallystick_application;
CREATE FUNCTION bench.transfer(p_debit integer, p_credit integer, p_amount bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    debit tallystick.account;
    credit tallystick.account;
    debit_id uuid := (SELECT account_id FROM bench.place WHERE number = p_debit);
    credit_id uuid := (SELECT account_id FROM bench.place WHERE number = p_credit);
BEGIN
    IF debit_id = credit_id THEN
        RETURN;
    END IF;
    PERFORM FROM tallystick.account WHERE id IN (debit_id, credit_id) ORDER BY id FOR NO KEY UPDATE;
    UPDATE tallystick.account SET balance = balance - p_amount, version = version + 1,
        last_entry_at = clock_timestamp() WHERE id = debit_id RETURNING * INTO debit;
    UPDATE tallystick.account SET balance = balance + p_amount, version = version + 1,
        last_entry_at = clock_timestamp() WHERE id = credit_id RETURNING * INTO credit;
    INSERT INTO tallystick.transfer (
        id, posting_id, debit_id, credit_id, amount, kind, debit_balance, credit_balance,
        debit_version, credit_version, occurred_at, created_at
    ) VALUES (
        uuidv7(), uuidv7(), debit_id, credit_id, p_amount, 'transfer', debit.balance,
        credit.balance, debit.version, credit.version, now(), clock_timestamp()
    );
END
$$;
"""
UNIFORM: Final = f"""
\\set a random(1, {ACCOUNTS})
\\set b random(1, {ACCOUNTS})
SELECT bench.transfer(:a, :b, 1);
"""
HOT: Final = f"""
\\set b random(2, {ACCOUNTS})
SELECT bench.transfer(1, :b, 1);
"""

_BACKENDS: Final = "SELECT pid FROM pg_stat_activity WHERE application_name = 'tallystick-writer'"
_SIZE: Final = """
SELECT sum(pg_total_relation_size(inhrelid))::bigint
FROM pg_inherits WHERE inhparent = 'tallystick.transfer'::regclass
"""

Figures = dict[str, list[float]]


class Silent:
    """Gauges that count how large the batches were."""

    def __init__(self) -> None:
        """Begin with none."""
        self.batches: list[int] = []

    def waiting(self, deeds: int) -> None:
        """Do nothing."""

    def waiting_slowly(self, deeds: int) -> None:
        """Do nothing."""

    def batch(self, *, deeds: int, refused: int, replayed: int, seconds: float) -> None:
        """Keep the size of a batch; none of a benchmark's deeds is refused or replayed."""
        del seconds
        if refused or replayed:
            raise RuntimeError(f"{refused} deeds were refused, {replayed} replayed.")
        self.batches.append(deeds)

    def waited(self, seconds: float) -> None:
        """Do nothing."""

    def trouble(self, what: str) -> None:
        """Say so: a benchmark has none."""
        print(f"  trouble: {what}")


def run() -> dict[str, object]:
    """Return transfers a second, microseconds of processor time and bytes a transfer."""
    with (
        durable() as addresses,
        db.connect(addresses.application_url, application_name="tallystick-bench") as conn,
    ):
        with psycopg.connect(addresses.owner_url, autocommit=True) as owner:
            owner.execute(FUNCTION)
        accounts = _accounts(conn)
        figures: Figures = defaultdict(list)
        best = max(CLIENTS, key=lambda count: _pgbench(addresses.application_url, UNIFORM, count))
        hot_best = max(CLIENTS, key=lambda count: _pgbench(addresses.application_url, HOT, count))
        for _ in range(ROUNDS):
            url = addresses.application_url
            figures["pgbench_uniform_per_s"].append(_pgbench(url, UNIFORM, best))
            _writer(conn, url, _deeds(accounts), "writer_uniform", figures)
            figures["pgbench_hot_per_s"].append(_pgbench(url, HOT, hot_best))
            _writer(conn, url, _deeds(accounts, hot=True), "writer_hot", figures)
            _writer(conn, url, _with_keys(_deeds(accounts)), "writer_with_keys", figures)
            _writer_from_afar(conn, url, _deeds(accounts), "writer_from_afar", figures)
            _batches(conn, _deeds(accounts), "batch_of_1000", figures)
            _batches(conn, _deeds(accounts, hot=True), "batch_of_1000_hot", figures)
        told: dict[str, object] = {"postgresql": settings(conn), "pgbench_clients": best}
        told |= {name: _spread(values) for name, values in figures.items()}
        return told | _ratios(figures) | _verified(conn, accounts)


def _accounts(conn: psycopg.Connection) -> list[UUID]:
    """Open the accounts of wallets, each with more than all rounds take, and number them."""
    rich = Money(10**9, KES)
    with conn.transaction():
        [outside] = ledger.open_accounts(conn, [chart.clearing("bench", KES)])
        plans = [AccountPlan(f"bench/{number}", KES, floor=0) for number in range(ACCOUNTS)]
        accounts = ledger.open_accounts(conn, plans)
        deeds = [_deed(Move(outside, account, rich, "top_up")) for account in accounts]
        for start in range(0, ACCOUNTS, BATCH):
            ledger.execute(conn, deeds[start : start + BATCH])
        with conn.cursor().copy("COPY bench.place FROM STDIN") as copy:
            for number, account in enumerate(accounts, 1):
                copy.write_row((number, account))
    return accounts


def _deed(*moves: Move) -> Deed:
    return Deed(ids.new(), "transfer", "bench", "bench", datetime.now(UTC), moves)


def _deeds(accounts: Sequence[UUID], *, count: int = PORTION, hot: bool = False) -> list[Deed]:
    """Return deeds between two accounts each; hot: one account pays them all."""
    draw = random.Random(count)  # noqa: S311 - a workload, no secret
    one = Money(1, KES)
    pairs = (
        (accounts[0], draw.choice(accounts[1:])) if hot else draw.sample(accounts, 2)
        for _ in range(count)
    )
    return [_deed(Move(debit, credit, one, "transfer")) for debit, credit in pairs]


def _with_keys(deeds: Sequence[Deed]) -> list[Deed]:
    return [
        replace(deed, once=Once(Claim("key:bench", str(deed.id), bytes(32)), lambda _: ANSWER))
        for deed in deeds
    ]


def _pgbench(url: str, script: str, clients: int) -> float:
    return pgbench(url, script, clients=clients, seconds=PGBENCH_S)


def _writer(
    conn: psycopg.Connection, url: str, deeds: Sequence[Deed], name: str, figures: Figures
) -> None:
    """Let so many callers wait at once, each with its next deed as soon as it has an outcome."""
    rest, ended = iter(deeds), Event()
    # Counted and let go: what is kept would be walked over by the garbage collector.
    kinds: Counter[type] = Counter()

    def go_on(promise: Promise) -> None:
        kinds[type(promise.result())] += 1
        for deed in islice(rest, 1):
            writer.submit(deed).add_done_callback(go_on)
        if kinds[Posted] == len(deeds) or len(kinds) > 1:
            ended.set()

    with _writing(conn, url, deeds, name, figures) as writer:
        for deed in list(islice(rest, CALLERS)):
            writer.submit(deed).add_done_callback(go_on)
        ended.wait()
    _must_be_posted(kinds)


def _writer_from_afar(
    conn: psycopg.Connection, url: str, deeds: Sequence[Deed], name: str, figures: Figures
) -> None:
    """Do the same with callers on another thread, which must be woken first."""
    rest, ended = iter(deeds), SimpleQueue[Promise]()
    kinds: Counter[type] = Counter()
    with _writing(conn, url, deeds, name, figures) as writer:
        for deed in islice(rest, CALLERS):
            writer.submit(deed).add_done_callback(ended.put)
        for _ in deeds:
            kinds[type(ended.get().result())] += 1
            for deed in islice(rest, 1):
                writer.submit(deed).add_done_callback(ended.put)
    _must_be_posted(kinds)


@contextmanager
def _writing(
    conn: psycopg.Connection, url: str, deeds: Sequence[Deed], name: str, figures: Figures
) -> Iterator[Writer]:
    """Give a Writer, and keep what was measured of it in the block."""
    gauges = Silent()
    writer = Writer(url, gauges=gauges, queue_max=CALLERS, deadline_s=60.0)
    process.settle()
    clock = Clock()
    yield writer
    [(backend,)] = conn.execute(_BACKENDS).fetchall()
    clock.stop(name, len(deeds), figures, backend_s=cpu_s(backend))
    conn.rollback()
    writer.close()
    figures[f"{name}_batch_size"].append(statistics.mean(gauges.batches))


def _must_be_posted(kinds: Counter[type]) -> None:
    if set(kinds) != {Posted}:
        raise RuntimeError(f"Not all deeds were posted: {kinds}")


def _batches(conn: psycopg.Connection, deeds: Sequence[Deed], name: str, figures: Figures) -> None:
    """Do a thousand deeds in one call and one transaction, again and again."""
    process.settle()
    clock = Clock()
    before = cpu_s(conn.info.backend_pid)
    for start in range(0, len(deeds), BATCH):
        # As psycopg's users may: what needs no answer is sent with what follows.
        with conn.pipeline(), conn.transaction():
            outcomes = ledger.execute(conn, deeds[start : start + BATCH])
        _must_be_posted(Counter(map(type, outcomes)))
    clock.stop(name, len(deeds), figures, backend_s=cpu_s(conn.info.backend_pid) - before)


class Clock:
    """Wall clock and processor time since it was made."""

    def __init__(self) -> None:
        """Begin to count."""
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def stop(self, name: str, transfers: int, figures: Figures, *, backend_s: float) -> None:
        """Keep the rate, and how much processor time a transfer took here and at the server."""
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        figures[f"{name}_per_s"].append(transfers / wall)
        figures[f"{name}_cpu_us"].append(cpu * 1e6 / transfers)
        figures[f"{name}_server_cpu_us"].append(backend_s * 1e6 / transfers)


def _spread(values: Sequence[float]) -> str:
    median = statistics.median(values)
    return f"{median:,.0f} ({min(values):,.0f} to {max(values):,.0f})"


def _ratios(figures: Figures) -> dict[str, object]:
    """Return what the figures are to each other, by their medians."""
    by_name = {name: statistics.median(values) for name, values in figures.items()}
    uniform = by_name["writer_uniform_per_s"]
    return {
        "writer_to_pgbench_uniform": round(uniform / by_name["pgbench_uniform_per_s"], 2),
        "writer_hot_to_uniform": round(by_name["writer_hot_per_s"] / uniform, 2),
        "writer_hot_to_pgbench_hot": round(
            by_name["writer_hot_per_s"] / by_name["pgbench_hot_per_s"], 1
        ),
    }


def _verified(conn: psycopg.Connection, accounts: Sequence[UUID]) -> dict[str, object]:
    """Fill the books up to a million transfers, and return how fast they are verified."""
    [(transfers,)] = conn.execute("SELECT count(*) FROM tallystick.transfer").fetchall()
    for start in range(transfers, VERIFIED, PORTION):
        count = min(PORTION, VERIFIED - start)
        _batches(conn, _deeds(accounts, count=count), "filling", defaultdict(list))
    conn.commit()
    rates = []
    for _ in range(3):
        began = time.perf_counter()
        with db.snapshot(conn):
            breaches = ledger.verify(conn)
        rates.append(max(transfers, VERIFIED) / (time.perf_counter() - began))
        if breaches:
            raise RuntimeError(f"The books are wrong: {breaches[:3]}")
    [(size,)] = conn.execute(_SIZE).fetchall()
    return {
        "transfers": max(transfers, VERIFIED),
        "verify_transfers_per_s": _spread(rates),
        "transfer_with_indexes_bytes": round(size / max(transfers, VERIFIED)),
        "breaches": 0,
    }
