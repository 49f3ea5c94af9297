"""What the books say of a provider is read from real rows and real postings."""

from __future__ import annotations

from collections import Counter

from factories import payments as factory
from factories.ledger import KES, fund
from factories.wallets import wallet
from tallystick import comparison, db
from tallystick.money import Money
from tallystick.payments import DisputeReported, DisputeState


def disputed(payment, *, at, **change):
    told = {
        "reference": "du_1",
        "collected_reference": payment.collected_reference,
        "amount": Money(4_000, KES),
        "reason": "fraudulent",
        "state": DisputeState.OPEN,
        "is_withdrawn": True,
        "is_reinstated": False,
        "fee": Money(1_500, KES),
        "fee_returned": Money(0, KES),
        "opened_at": at,
        "occurred_at": at,
    }
    return DisputeReported(**{**told, **change})


class TestBooks:
    def test_hold_each_kind_with_its_posting(self, conn):
        now = db.now(conn)
        owned = wallet(conn)
        paid = factory.settled(conn, owned)
        late = factory.paid(paid, at=now, reference="cs_second", collected_reference="pi_second")
        factory.book(conn, late)
        refund = factory.sent_refund(conn, paid, minor=20_000)
        factory.book(conn, factory.refunded(refund, paid, at=now))
        factory.book(conn, disputed(paid, at=now))
        won = {"state": DisputeState.WON, "is_reinstated": True}
        factory.book(conn, disputed(paid, at=now, **won))

        books = comparison.books(conn, provider="stripe")
        found = {(one.kind, one.word): one for one in books.bookings}
        assert {key: one.amount.minor for key, one in found.items()} == {
            ("charge", "settled"): 150_000,
            ("charge", "twice"): 150_000,
            ("refund", "settled"): -20_000,
            ("dispute", "withdrawn"): -4_000,
            ("dispute", "reinstated"): 4_000,
        }
        assert {one.payment_id for one in books.bookings} == {paid.id}
        assert Counter(one.reference for one in books.bookings) == {
            paid.reference: 1,
            "cs_second": 1,
            f"re_{refund.id}": 1,
            "du_1": 2,
        }
        moved = {one.posting_id: (one.net, one.fee) for one in books.postings}
        assert moved == {
            found[key].posting_id: figures
            for key, figures in {
                ("charge", "settled"): (150_000, 0),
                ("charge", "twice"): (150_000, 0),
                ("refund", "settled"): (-20_000, 0),
                ("dispute", "withdrawn"): (-5_500, 1_500),
                ("dispute", "reinstated"): (4_000, 0),
            }.items()
        }
        assert books.held == {"KES": 150_000 * 2 - 20_000 - 1_500}

    def test_leave_other_providers_out(self, conn):
        fund(conn, wallet(conn).available_id, 1_000)
        books = comparison.books(conn, provider="nobody")
        assert (books.bookings, books.postings, books.held) == ([], [], {})
