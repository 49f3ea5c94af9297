"""What operators look for: payments by any number of the provider's, by state, and one review."""

from __future__ import annotations

import pytest

from factories import payments as factory
from factories.wallets import wallet
from tallystick import db, ids, ledger, payments
from tallystick.payments import ReviewNotFound, operations, store

ASKED = {"reference": "pi_1", "providers": "{stripe}", "most": 5}


def named(conn, reference: str) -> list[object]:
    found = payments.named_there(conn, reference=reference, providers=["stripe"])
    return [one.id for one in found]


class TestNamedThere:
    def test_finds_by_every_number_of_the_provider_s(self, conn):
        holder = wallet(conn)
        paid = factory.settled(conn, holder)
        factory.settled(conn, holder, key="another")
        made = factory.sent_refund(conn, paid, minor=1_000)
        now = db.now(conn)
        factory.book(conn, factory.refunded(made, paid, at=now))
        for number in (f"cs_{paid.id}", f"pi_{paid.id}", f"re_{made.id}"):
            assert named(conn, number) == [paid.id]
        assert named(conn, "pi_nobody") == []
        assert payments.named_there(conn, reference=f"cs_{paid.id}", providers=["other"]) == []

    @pytest.mark.parametrize(
        ("name", "values"),
        [
            ("named_there", ASKED),
            ("newest", {"state": "unknown", "before": None, "most": 5}),
            ("newest", {"state": None, "before": None, "most": 5}),
        ],
    )
    def test_reads_no_whole_table(self, conn, name, values):
        conn.execute("SET LOCAL enable_seqscan = off")
        plan = conn.execute(f"EXPLAIN {store.STATEMENTS[name]}", values).fetchall()
        text = "\n".join(line for (line,) in plan)
        assert "Seq Scan" not in text, text
        if values.get("state"):
            assert "payments_by_state" in text, text


class TestReview:
    def test_is_one_or_none(self, conn):
        waiting = factory.submitted(conn, wallet(conn))
        _, locked, _ = operations.locked(conn, waiting.names)
        operations.ask_a_person(conn, locked, now=db.now(conn))
        [asked] = payments.reviews(conn, is_open=True, payment_id=waiting.id)
        assert payments.review(conn, review_id=asked.id) == asked
        with pytest.raises(ReviewNotFound):
            payments.review(conn, review_id=ids.new())


class TestNothingLeft:
    def test_is_too_large_whatever_is_asked(self, conn):
        paid = factory.settled(conn, wallet(conn))
        factory.refund(conn, paid)
        with pytest.raises(payments.RefundTooLarge) as refusal:
            factory.refund(conn, paid, key="again")
        assert refusal.value.left.minor == 0


class TestPaths:
    def test_name_the_accounts_of_a_posting(self, conn):
        paid = factory.settled(conn, wallet(conn))
        [moved] = ledger.transfers(conn, posting_id=paid.posting_id)
        found = ledger.paths(conn, account_ids=[moved.debit_id, moved.credit_id, ids.new()])
        assert found == {
            moved.debit_id: "clearing/stripe",
            moved.credit_id: f"wallet/{paid.wallet_id}/available",
        }
