"""`tallystick seed` for real: all or nothing, and once, whatever interrupts it."""

from __future__ import annotations

import os
import pty
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing

import psycopg
import pytest

from tallystick import ledger, payments
from tallystick.database import seeds
from tallystick.payments import PaymentState as S

_TABLES = (
    *("posting", "transfer", "wallet", "account", "note"),
    *("payment", "collection", "payment_step", "attempt", "refund", "dispute", "review"),
)
_HISTORY = """
    SELECT
        transfer.amount,
        transfer.kind,
        payer.owner,
        payee.owner,
        coalesce(note.body, '')
    FROM tallystick.transfer
    LEFT JOIN tallystick.wallet AS payer ON transfer.debit_id = payer.available_id
    LEFT JOIN tallystick.wallet AS payee ON transfer.credit_id = payee.available_id
    LEFT JOIN tallystick.note ON transfer.posting_id = note.posting_id
    ORDER BY transfer.id
"""


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "tallystick.cli", "seed", *words]


def _environment(database, **more: str) -> dict[str, str]:
    return {**os.environ, **database.environment, **more}


def begin(database, *words: str) -> subprocess.Popen[str]:
    """Start a seed and return its process."""
    return subprocess.Popen(
        _command(*words),
        env=_environment(database),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def seed(database, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a seed to its end."""
    return subprocess.run(
        _command(*words),
        env=_environment(database, **more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def counts(database) -> dict[str, object]:
    """Return how many rows were committed, people included."""
    named = {table: f"tallystick.{table}" for table in _TABLES}
    named |= {"person": "people_person", "address": "account_emailaddress"}
    return {table: database.scalar(f"SELECT count(*) FROM {name}") for table, name in named.items()}


def history(database) -> list[tuple[object, ...]]:
    """Return all movements in their order, without times and identities."""
    with psycopg.connect(database.application_url) as conn:
        return conn.execute(_HISTORY).fetchall()


def breaches(database) -> list[ledger.Breach]:
    with psycopg.connect(database.application_url) as conn:
        return ledger.verify(conn)


def until(holds: Callable[[], object], *, within_s: float = 30.0) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def seeded(lasting_database):
    """Give a database that was seeded once, and what the seed said."""
    done = seed(lasting_database)
    assert done.returncode == 0, done.stderr
    return lasting_database, done


class TestSeed:
    def test_makes_people_and_2000_movements_and_proves_the_books(self, seeded):
        database, done = seeded
        made = counts(database)
        assert made["person"] == made["address"] == made["wallet"] == len(seeds.CAST) == 12
        # The dispute's fee moves in the posting of the dispute.
        assert made["transfer"] == made["posting"] + 1 >= 2_000
        assert "The books are right" in done.stdout
        assert breaches(database) == []

    def test_says_how_to_sign_in_and_shows_no_bar_where_nobody_looks(self, seeded):
        _, done = seeded
        assert seeds.AMINA.email in done.stdout
        assert seeds.OPERATOR.email in done.stdout
        assert seeds.PASSWORD in done.stdout
        assert done.stderr == ""

    def test_books_in_order_of_the_worlds_time_up_to_now(self, seeded):
        database, _ = seeded
        late = database.scalar(
            "SELECT count(*) FROM (SELECT occurred_at, lag(occurred_at) OVER"
            " (PARTITION BY account_id ORDER BY version) AS before FROM tallystick.entry) AS pair"
            " WHERE occurred_at < before"
        )
        assert late == 0
        span = "SELECT {} FROM tallystick.transfer"
        assert (
            90 <= database.scalar(span.format("extract(day FROM now() - min(occurred_at))")) <= 92
        )
        assert database.scalar(
            span.format("max(occurred_at) BETWEEN now() - '1 h'::interval AND now()")
        )
        # The ledger's own clock tells when it was booked.
        assert database.scalar(span.format("min(created_at) > now() - '1 h'::interval"))

    def test_lets_no_balance_fall_below_zero(self, seeded):
        database, _ = seeded
        below = (
            "SELECT count(*) FROM tallystick.entry JOIN tallystick.account ON account_id = id"
            " WHERE floor = 0 AND entry.balance < 0"
        )
        assert database.scalar(below) == 0

    def test_makes_nothing_twice(self, seeded):
        database, _ = seeded
        before = counts(database)
        for words in ((), ("--seed", "2")):
            again = seed(database, *words)
            assert (again.returncode, again.stderr) == (0, "")
            assert "there already" in again.stdout
            assert counts(database) == before

    def test_gives_the_same_history_on_another_empty_database(self, seeded, database):
        first, _ = seeded
        assert seed(database).returncode == 0
        assert history(database) == history(first)

    def test_gives_another_history_for_another_seed(self, seeded, database):
        first, _ = seeded
        assert seed(database, "--seed", "2").returncode == 0
        assert history(database) != history(first)
        assert breaches(database) == []

    def test_shows_a_bar_on_a_terminal(self, database):
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            _command(), env=_environment(database, TERM="xterm"), stdout=theirs, stderr=theirs
        ) as child:
            os.close(theirs)
            said = b""
            # The terminal's end is an error to who reads it.
            while chunk := _read(ours):
                said += chunk
        os.close(ours)
        assert child.returncode == 0
        assert b"booking" in said


class TestPayments:
    def test_stand_behind_every_top_up_with_the_same_money(self, seeded):
        database, _ = seeded
        alone = database.scalar(
            "SELECT count(*) FROM tallystick.transfer FULL JOIN"
            " (SELECT * FROM tallystick.payment WHERE posting_id IS NOT NULL) AS payment"
            " ON payment.posting_id = transfer.posting_id AND payment.amount = transfer.amount"
            " WHERE (transfer.kind = 'top_up' OR transfer.id IS NULL) AND payment.id IS NULL"
            " OR transfer.id IS NULL"
        )
        assert alone == 0

    def test_stand_in_every_state_that_they_can_be_left_in(self, seeded):
        database, _ = seeded
        with psycopg.connect(database.application_url) as conn:
            found = payments.newest(conn, limit=200)
            states = {one.state for one in found}
            refunds = {one.state for file in files(conn, found) for one in file.refunds}
            reviews = {one.kind for one in payments.reviews(conn, is_open=True)}
        never = {S.SENDING, S.AWAITING_APPROVAL, S.DECLINED}
        assert states == set(S) - never
        assert refunds == {S.SETTLED, S.FAILED, S.SUBMITTED}
        assert reviews == {"payment_unknown", "dispute"}

    def test_end_where_their_steps_do_in_order_of_time(self, seeded):
        database, _ = seeded
        with psycopg.connect(database.application_url) as conn:
            for file in files(conn, payments.newest(conn, limit=200)):
                own = [step for step in file.steps if step.refund_id is None]
                assert own[-1].state is file.payment.state
                assert [one.at for one in own] == sorted(one.at for one in own)
                for refund in file.refunds:
                    steps = [one for one in file.steps if one.refund_id == refund.id]
                    assert steps[-1].state is refund.state

    def test_are_known_to_no_real_provider_and_left_alone_by_the_janitor(self, seeded):
        database, _ = seeded
        for table in ("payment", "refund"):
            providers = f"SELECT array_agg(DISTINCT provider) FROM tallystick.{table}"
            assert database.scalar(providers) == ["demo"]
            watched = f"SELECT count(*) FROM tallystick.{table} WHERE look_at IS NULL"
            is_open = " AND state IN ('created', 'sending', 'submitted', 'unknown')"
            assert database.scalar(watched + is_open) == 0
            soon = f"SELECT count(*) FROM tallystick.{table} WHERE look_at < now() + '9 y'"
            assert database.scalar(soon) == 0
        assert database.scalar("SELECT count(*) FROM procrastinate_jobs") == 0

    def test_hold_what_is_on_its_way_back(self, seeded):
        database, _ = seeded
        held = database.scalar(
            "SELECT sum(balance) FROM tallystick.account WHERE path ~ '^wallet/.*/held$'"
        )
        assert held == database.scalar(
            "SELECT sum(amount) FROM tallystick.refund WHERE state = 'submitted'"
        )


def files(conn, found) -> list[payments.File]:
    """Return the payments with all that belongs to them."""
    return [payments.file(conn, payment_id=one.id, owner=None) for one in found]


class TestInterruption:
    def test_by_kill_9_leaves_nothing_and_the_next_run_makes_all(self, database):
        with closing(psycopg.connect(database.owner_url)) as owner:
            # The seed stands still in the middle of its movements, where it keeps their notes.
            owner.execute("LOCK TABLE tallystick.note IN SHARE MODE")
            child = begin(database)
            until(lambda: _waits(database))
            child.send_signal(signal.SIGKILL)
            child.communicate()
            owner.rollback()
        assert child.returncode == -signal.SIGKILL
        until(lambda: not _is_there(database))
        assert set(counts(database).values()) == {0}
        again = seed(database)
        assert (again.returncode, again.stderr) == (0, "")
        assert counts(database)["transfer"] >= 2_000
        assert breaches(database) == []


class TestTwoAtOnce:
    def test_make_it_once_and_each_says_what_it_did(self, database):
        children = [begin(database) for _ in range(3)]
        said = [(*child.communicate(), child.returncode) for child in children]
        done = [out for out, _, status in said if status == 0 and "movements" in out]
        others = [out + err for out, err, _ in said if out not in done]
        assert len(done) == 1, said
        assert all("there already" in text or "at work" in text for text in others)
        assert counts(database)["person"] == 12
        assert breaches(database) == []

    def test_wait_for_nobody(self, database):
        with psycopg.connect(database.application_url) as conn:
            assert seeds.take_turn(conn)
            done = seed(database)
        assert (done.returncode, done.stdout) == (1, "")
        assert "Another seed is at work" in done.stderr
        assert set(counts(database).values()) == {0}


class TestRefusal:
    def test_of_production(self, database):
        production = {
            "TALLYSTICK_ENV": "production",
            "TALLYSTICK_SECRET_KEY": secrets.token_urlsafe(64),
            "TALLYSTICK_PUBLIC_URL": "https://wallets.example.org",
            "TALLYSTICK_ACCEPT": "database_tls,redis_tls,missing_smtp",
        }
        done = seed(database, **production)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == "The seed makes people and money: it does not run in production.\n"
        assert set(counts(database).values()) == {0}

    @pytest.mark.parametrize(
        ("email", "handle"), [("a@example.org", "amina"), ("amina@example.com", None)]
    )
    def test_of_a_name_that_somebody_has(self, database, email, handle):
        with psycopg.connect(database.application_url) as conn:
            conn.execute(
                "INSERT INTO people_person (id, password, email, handle, name, is_active,"
                " is_operator, created_at) VALUES (gen_random_uuid(), '', %s, %s, '', true, false,"
                " now())",
                (email, handle),
            )
        before = counts(database)
        done = seed(database)
        assert (done.returncode, done.stdout) == (1, "")
        assert f"Somebody else has: {handle or email}." in done.stderr
        assert "nothing was made" in done.stderr
        assert counts(database) == before

    def test_of_books_that_are_wrong(self, database):
        with psycopg.connect(database.owner_url) as owner:
            owner.execute(
                "INSERT INTO tallystick.account (id, path, currency, balance)"
                " VALUES (gen_random_uuid(), 'shop/till', 'KES', 5)"
            )
        before = counts(database)
        done = seed(database)
        assert (done.returncode, done.stdout) == (1, "")
        assert "The books are wrong" in done.stderr
        assert counts(database) == before

    def test_of_a_database_without_a_schema(self, empty_database):
        done = seed(empty_database)
        assert (done.returncode, done.stdout) == (1, "")
        assert "run `tallystick migrate` first" in done.stderr

    def test_of_a_database_that_is_away(self, database):
        done = seed(database, TALLYSTICK_DATABASE_URL="postgresql://nobody@127.0.0.1:9/nothing")
        assert (done.returncode, done.stdout) == (1, "")
        assert "nothing was made" in done.stderr
        assert "Traceback" not in done.stderr


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""


def _waits(database) -> object:
    """Return whether somebody waits for a lock on the notes, with transfers written before."""
    return database.scalar(
        "SELECT EXISTS (SELECT FROM pg_locks AS waits JOIN pg_locks AS wrote USING (pid)"
        " WHERE waits.relation = 'tallystick.note'::regclass AND NOT waits.granted"
        " AND wrote.relation = 'tallystick.transfer'::regclass"
        " AND wrote.mode = 'RowExclusiveLock' AND wrote.granted)"
    )


def _is_there(database) -> object:
    """Return whether the database still has a session of the seed's."""
    return database.scalar(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'tallystick-web')"
    )
