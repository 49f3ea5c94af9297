"""Claims beyond cover: the rest is owed, and the next credits pay it back first."""

from __future__ import annotations

import random
from dataclasses import replace

import psycopg
import pytest

from factories.ledger import KES, balance, deed, fund, move, post
from factories.races import together, watched
from factories.wallets import wallet
from tallystick import chart, ledger
from tallystick.ledger import AccountFrozen, MoveInvalid


@pytest.fixture
def owing(conn):
    """A wallet with 100, what lies outside, and its receivable."""
    return Owing(conn, wallet(conn, minor=100))


class Owing:
    def __init__(self, conn, owned) -> None:
        self.conn, self.wallet = conn, owned
        self.outside, self.receivable = ledger.open_accounts(
            conn, [chart.clearing("test", KES), chart.wallet_receivable(owned.id, KES)]
        )

    def claim(self, minor: int):
        return replace(
            move(self.wallet.available_id, self.outside, minor), beyond_id=self.receivable
        )

    def state(self) -> tuple[int, int, int]:
        """Return what the wallet has, what it owes, and its receivable."""
        account = ledger.account(self.conn, account_id=self.wallet.available_id)
        return account.balance, account.owes, balance(self.conn, self.receivable)


class TestClaim:
    @pytest.mark.parametrize(
        ("minor", "after", "transfers"),
        [(60, (40, 0, 0), 1), (100, (0, 0, 0), 1), (160, (0, 60, -60), 2)],
    )
    def test_takes_what_is_covered_and_the_rest_from_the_receivable(
        self, conn, owing, minor, after, transfers
    ):
        posted = ledger.post(conn, deed(owing.claim(minor)))
        assert owing.state() == after
        assert [one.amount for one in posted.transfers] == [min(minor, 100), minor - 100][
            :transfers
        ]
        assert ledger.verify(conn) == []

    def test_of_an_empty_wallet_is_owed_whole(self, conn, owing):
        ledger.post(conn, deed(owing.claim(100)))
        [alone] = ledger.post(conn, deed(owing.claim(7))).transfers
        assert (alone.debit_id, alone.amount) == (owing.receivable, 7)
        assert owing.state() == (0, 7, -7)

    def test_adds_to_what_an_earlier_deed_of_the_batch_left_owing(self, conn, owing):
        ledger.execute(conn, [deed(owing.claim(130)), deed(owing.claim(5))])
        assert owing.state() == (0, 35, -35)
        assert ledger.verify(conn) == []

    def test_and_its_return_in_one_posting_leave_nothing_owed(self, conn, owing):
        back = move(owing.outside, owing.wallet.available_id, 160)
        ledger.post(conn, deed(owing.claim(160), back))
        assert owing.state() == (100, 0, 0)
        assert ledger.verify(conn) == []

    def test_of_a_frozen_wallet_is_refused(self, conn, owing):
        account_id = owing.wallet.available_id
        ledger.freeze(conn, account_id=account_id, actor="operator:ann", reason="Police.")
        with pytest.raises(AccountFrozen):
            ledger.post(conn, deed(owing.claim(1)))

    def test_cannot_undo_a_transfer(self, conn, owing):
        first = post(conn, owing.outside, owing.wallet.available_id, 5).transfers[0]
        with pytest.raises(MoveInvalid):
            ledger.post(conn, deed(replace(owing.claim(5), reverses=first.id)))


class TestCredit:
    @pytest.mark.parametrize(
        ("minor", "after"), [(20, (0, 40, -40)), (60, (0, 0, 0)), (75, (15, 0, 0))]
    )
    def test_pays_back_what_is_owed_in_the_same_posting(self, conn, owing, minor, after):
        ledger.post(conn, deed(owing.claim(160)))
        posted = post(conn, owing.outside, owing.wallet.available_id, minor)
        assert owing.state() == after
        assert [one.kind for one in posted.transfers] == ["test", "repayment"]
        assert ledger.verify(conn) == []

    def test_after_the_debt_is_paid_is_whole_again(self, conn, owing):
        ledger.post(conn, deed(owing.claim(160)))
        fund(conn, owing.wallet.available_id, 60)
        [alone] = post(conn, owing.outside, owing.wallet.available_id, 9).transfers
        assert alone.amount == 9
        assert owing.state() == (9, 0, 0)

    def test_in_the_batch_of_the_claim_pays_it_back(self, conn, owing):
        credit = move(owing.outside, owing.wallet.available_id, 25)
        ledger.execute(conn, [deed(owing.claim(110)), deed(credit)])
        assert owing.state() == (15, 0, 0)

    def test_can_be_undone_as_far_as_the_wallet_has_it(self, conn, owing):
        ledger.post(conn, deed(owing.claim(160)))
        credit = post(conn, owing.outside, owing.wallet.available_id, 75)
        fund(conn, owing.wallet.available_id, 60)
        ledger.reverse(
            conn,
            actor="test",
            request_id="",
            occurred_at=credit.created_at,
            transfer_id=credit.transfers[0].id,
        )
        assert owing.state() == (0, 0, 0)
        assert ledger.verify(conn) == []


class TestVerify:
    def test_finds_a_debt_that_no_receivable_shows(self, conn, owing):
        conn.execute(
            "UPDATE tallystick.account SET owes = 3, receivable_id = %s WHERE id = %s",
            (owing.receivable, owing.wallet.available_id),
        )
        [breach] = ledger.verify(conn)
        assert (breach.invariant, breach.difference) == ("receivable_equals_owed", 3)


class TestRace:
    def test_of_claims_credits_and_transfers_loses_nothing_and_never_deadlocks(self, database):
        with database.connect() as conn:
            owings = [Owing(conn, wallet(conn, minor=50)) for _ in range(3)]
            moves = [
                make
                for one in owings
                for make in (
                    one.claim(70),
                    move(one.outside, one.wallet.available_id, 60),
                    move(one.wallet.available_id, owings[0].outside, 5),
                )
            ]

        def run(number: int) -> int:
            draw = random.Random(number)  # noqa: S311 - the same draws each time
            with psycopg.connect(database.application_url) as conn:
                for _ in range(40):
                    asked = [deed(one) for one in draw.sample(moves, 3)]
                    ledger.execute(conn, asked)
                    conn.commit()
            return number

        with watched(database):
            assert together(8, run) == list(range(8))
