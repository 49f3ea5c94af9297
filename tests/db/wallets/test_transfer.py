"""Transfers between wallets: refused without a trace, or booked once with their balances."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from factories.ledger import KES
from factories.wallets import wallet
from tallystick import db, idempotency, ids, ledger, wallets
from tallystick.errors import TallystickError
from tallystick.idempotency import KeyInvalid
from tallystick.ledger import AccountFrozen, InsufficientFunds, MoveInvalid
from tallystick.money import Currency, CurrencyMismatch, Money
from tallystick.wallets import (
    NoCover,
    NoteMalformed,
    PayeeNotFound,
    PayeeUnavailable,
    SelfTransfer,
    Transferred,
    Wallet,
    WalletNotFound,
)

USD = Currency("USD")
TABLES = ("posting", "transfer", "note", "idempotency")


def move(conn: psycopg.Connection, payer: Wallet, payee: Wallet, **change: Any) -> Transferred:
    asked = {
        "actor": payer.owner,
        "owner": payer.owner,
        "from_wallet": payer.id,
        "to_wallet": payee.id,
        "amount": Money(40, KES),
        "request_id": "test",
        "now": db.now(conn),
    }
    return wallets.transfer(conn, **{**asked, **change})


def rows(conn: psycopg.Connection) -> list[object]:
    found = [
        conn.execute(f"SELECT count(*) FROM tallystick.{table}").fetchone() for table in TABLES
    ]
    accounts = "SELECT md5(string_agg(a::text, ',' ORDER BY id)) FROM tallystick.account a"
    return [*found, conn.execute(accounts).fetchone()]


def held(conn: psycopg.Connection, owned: Wallet) -> int:
    return wallets.get(conn, wallet_id=owned.id, owner=owned.owner).available.minor


class TestTransfer:
    def test_moves_the_money_and_returns_the_payers_own_side(self, conn):
        payer, payee = wallet(conn, minor=100), wallet(conn)
        done = move(conn, payer, payee, note=" rent ")
        assert (done.amount, done.balance, done.version) == (Money(40, KES), Money(60, KES), 2)
        assert (held(conn, payer), held(conn, payee)) == (60, 40)
        assert ledger.verify(conn) == []

    def test_writes_the_note_beside_the_books(self, conn):
        payer, payee = wallet(conn, minor=100), wallet(conn)
        done = move(conn, payer, payee, note="rent")
        read = "SELECT body FROM tallystick.note WHERE posting_id = %s"
        assert conn.execute(read, (done.posting_id,)).fetchone() == ("rent",)

    @pytest.mark.parametrize(
        ("change", "refusal"),
        [
            ({"amount": Money(101, KES)}, NoCover),
            ({"amount": Money(0, KES)}, MoveInvalid),
            ({"amount": Money(-5, KES)}, MoveInvalid),
            ({"amount": Money(5, USD)}, CurrencyMismatch),
            ({"to_wallet": ids.new()}, PayeeNotFound),
            ({"from_wallet": ids.new()}, WalletNotFound),
            ({"owner": "person:other"}, WalletNotFound),
            ({"note": "x" * 141}, NoteMalformed),
            ({"note": "two\nlines"}, NoteMalformed),
        ],
    )
    @pytest.mark.parametrize("key", [None, "key-1"])
    def test_refuses_and_changes_not_one_row(self, conn, change, refusal, key):
        payer, payee = wallet(conn, minor=100), wallet(conn)
        before = rows(conn)
        with pytest.raises(refusal):
            move(conn, payer, payee, caller=key and "c", key=key, **change)
        assert rows(conn) == before

    def test_refuses_a_wallet_that_pays_itself(self, conn):
        payer = wallet(conn, minor=100)
        with pytest.raises(SelfTransfer):
            move(conn, payer, payer)

    def test_refuses_a_payee_who_holds_another_currency(self, conn):
        payer = wallet(conn, minor=100)
        payee = wallets.open_wallet(conn, owner="person:usd", currency=USD, now=db.now(conn))
        with pytest.raises(CurrencyMismatch):
            move(conn, payer, payee)

    @pytest.mark.parametrize("side", [0, 1])
    def test_refuses_a_frozen_account_on_either_side(self, conn, side):
        pair = wallet(conn, minor=100), wallet(conn)
        freeze = "UPDATE tallystick.account SET frozen = TRUE WHERE id = %s"
        conn.execute(freeze, (pair[side].available_id,))
        with pytest.raises(AccountFrozen if side == 0 else PayeeUnavailable):
            move(conn, *pair)

    @pytest.mark.parametrize("half", [{"caller": "c"}, {"key": "k"}])
    def test_refuses_half_of_a_callers_key(self, conn, half):
        with pytest.raises(TypeError):
            move(conn, wallet(conn, minor=100), wallet(conn), **half)

    @pytest.mark.parametrize(("caller", "key"), [("", "k"), ("c", "k" * 256), ("c", "\0")])
    def test_refuses_a_key_that_cannot_be_kept(self, conn, caller, key):
        with pytest.raises(KeyInvalid):
            move(conn, wallet(conn, minor=100), wallet(conn), caller=caller, key=key)

    def test_says_what_the_payers_own_wallet_has(self, conn):
        with pytest.raises(NoCover) as refused:
            move(conn, wallet(conn, minor=39), wallet(conn, minor=7))
        assert refused.value.balance == Money(39, KES)
        assert isinstance(refused.value, InsufficientFunds)
        assert "7" not in str(refused.value)

    def test_says_what_the_wallet_has_by_the_time_it_is_decided(self, database):
        with database.connect() as conn:
            payer, payee = wallet(conn, minor=100), wallet(conn)
        with database.connect() as first:
            intent = wallets.intend(
                first,
                actor="a",
                owner=payer.owner,
                from_wallet=payer.id,
                to_wallet=payee.id,
                amount=Money(90, KES),
                request_id="",
                now=db.now(first),
            )
            with database.connect() as second:
                move(second, payer, payee)
            [outcome] = ledger.execute(first, [intent.deed])
            with pytest.raises(NoCover) as refused:
                intent.read(outcome)
        assert refused.value.balance == Money(60, KES)

    def test_knows_no_account_of_the_house_as_a_payee(self, conn):
        payer = wallet(conn, minor=100)
        [clearing] = conn.execute(
            "SELECT id FROM tallystick.account WHERE floor IS NULL"
        ).fetchone()
        with pytest.raises(PayeeNotFound):
            move(conn, payer, payer, to_wallet=clearing)


class TestTransferWithAKey:
    def test_returns_what_the_first_did(self, conn):
        payer, payee = wallet(conn, minor=100), wallet(conn)
        first = move(conn, payer, payee, caller="c", key="k")
        assert move(conn, payer, payee, caller="c", key="k") == first
        assert held(conn, payer) == 60

    def test_refuses_the_key_of_another_transfer(self, conn):
        payer, payee = wallet(conn, minor=100), wallet(conn)
        move(conn, payer, payee, caller="c", key="k")
        with pytest.raises(idempotency.KeyReused):
            move(conn, payer, payee, caller="c", key="k", amount=Money(41, KES))
        assert held(conn, payer) == 60

    def test_decides_again_after_a_refusal(self, conn):
        payer, payee = wallet(conn, minor=10), wallet(conn)
        with pytest.raises(TallystickError):
            move(conn, payer, payee, caller="c", key="k")
        richer = wallet(conn, minor=100)
        move(conn, richer, payer)
        assert move(conn, payer, payee, caller="c", key="k").balance == Money(10, KES)


class TestHistory:
    def test_tells_whose_wallet_is_on_the_other_side(self, conn):
        payer, payee = wallet(conn, minor=100), wallet(conn)
        move(conn, payer, payee, note="rent")
        sent, top_up = wallets.history(conn, wallet=payer)
        assert (sent.other_owner, sent.note, sent.entry.amount.minor) == (payee.owner, "rent", -40)
        assert (top_up.other_owner, top_up.note) == (None, None)
        [received] = wallets.history(conn, wallet=payee)
        assert (received.other_owner, received.entry.balance.minor) == (payer.owner, 40)

    def test_goes_on_below_a_version(self, conn):
        payer, payee = wallet(conn, minor=100), wallet(conn)
        for _ in range(5):
            move(conn, payer, payee, amount=Money(1, KES))
        seen, before = [], None
        while lines := wallets.history(conn, wallet=payer, limit=2, before_version=before):
            seen += [line.entry.version for line in lines]
            before = seen[-1]
        assert seen == [6, 5, 4, 3, 2, 1]


class TestReceipt:
    def test_shows_each_side_its_own_balance(self, conn):
        payer, payee = wallet(conn, minor=100), wallet(conn, minor=1)
        done = move(conn, payer, payee, note="rent")
        for owned, balance in ((payer, 60), (payee, 41)):
            seen = wallets.receipt(conn, transfer_id=done.id, owner=owned.owner)
            assert (seen.wallet_id, seen.balance.minor, seen.note) == (owned.id, balance, "rent")

    def test_looks_absent_to_any_other(self, conn):
        done = move(conn, wallet(conn, minor=100), wallet(conn))
        with pytest.raises(wallets.TransferNotFound):
            wallets.receipt(conn, transfer_id=done.id, owner="person:other")
