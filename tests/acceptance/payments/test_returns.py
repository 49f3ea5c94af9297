"""Money that goes back: by us, by the provider's dashboard, by the payer's bank; each once."""

from __future__ import annotations

import pytest
from tests.acceptance.payments.till import MINOR, Till, until

from factories.ledger import post
from factories.wallets import wallet
from tallystick.payments import RefundNotCovered

FEE = 1_500
PENDING_CARD = "4000000000007726"


def spend(till: Till, payment: str, minor: int) -> None:
    """Spend from the payment's wallet."""
    with till.house.database.connect() as conn:
        post(conn, till.wallets[payment].available_id, wallet(conn).available_id, minor)


def intent(till: Till, payment: str) -> str:
    return till.sessions(payment)[0]["payment_intent"]


def owed(till: Till, payment: str) -> int:
    account = till.wallets[payment].available_id
    return till.scalar("SELECT owes FROM tallystick.account WHERE id = %s", account)


def dispute(till: Till, payment: str) -> str:
    """Let the payer's bank dispute all of the payment, and return the dispute."""
    asked = {"payment_intent": intent(till, payment), "amount": MINOR, "fee": FEE}
    return till.control("stripe/disputes", asked)["id"]


class TestRefund:
    def test_goes_back_once(self, till):
        payment = till.settled()
        made = till.refund(payment, MINOR // 3)
        until(lambda: till.refund_of(payment, made.id).state == "settled")
        assert till.balance(payment) == MINOR - MINOR // 3
        [told] = [one for one in till.journal.refunds.values() if one.amount == MINOR // 3]
        assert told.status == "succeeded"

    def test_of_money_that_is_spent_is_refused_and_not_sent(self, till):
        payment = till.settled()
        spend(till, payment, MINOR)
        before = len(till.journal.refunds)
        with pytest.raises(RefundNotCovered):
            till.refund(payment)
        assert till.file(payment).refunds == []
        assert len(till.journal.refunds) == before

    def test_that_is_pending_and_then_fails_is_in_the_wallet_again(self, till):
        payment = till.settled()
        till.control("next", {"what": "pending_refund"})
        made = till.refund(payment)
        until(lambda: till.refund_of(payment, made.id).state == "submitted")
        assert till.balance(payment) == 0
        [told] = [one for one in till.journal.refunds.values() if one.status == "pending"]
        till.control(f"stripe/refunds/{told.id}", {"status": "failed"})
        until(lambda: till.refund_of(payment, made.id).state == "failed")
        assert till.balance(payment) == MINOR

    def test_that_was_made_comes_back_when_it_fails_later(self, till):
        payment = till.settled()
        made = till.refund(payment)
        until(lambda: till.refund_of(payment, made.id).state == "settled")
        reference = till.refund_of(payment, made.id).reference
        till.control(f"stripe/refunds/{reference}", {"status": "failed"})
        until(lambda: till.balance(payment) == MINOR)
        assert [one.kind for one in till.file(payment).news] == ["refund_returned"]

    @pytest.mark.parametrize("what", ["timeout_after_charge", "error_500_after_charge", "other_id"])
    def test_whose_answer_is_none_or_a_lie_is_made_once(self, till, what):
        payment = till.settled()
        till.fault("lost_webhook", match="refund.created")
        till.fault(what, match="refund.create")
        made = till.refund(payment)
        until(lambda: till.refund_of(payment, made.id).state == "settled")
        told = till.journal.refunds.values()
        assert len([one for one in told if one.payment_intent == intent(till, payment)]) == 1
        assert till.balance(payment) == 0

    def test_by_the_dashboard_beyond_cover_is_owed_and_paid_back_by_the_next_top_up(self, till):
        payment = till.settled()
        spend(till, payment, MINOR - 10_000)
        till.control("stripe/refunds", {"payment_intent": intent(till, payment)})
        until(lambda: owed(till, payment))
        assert (owed(till, payment), till.balance(payment)) == (MINOR - 10_000, 0)
        till.settled(owned=till.wallets[payment])
        assert (owed(till, payment), till.balance(payment)) == (0, 10_000)
        assert [one.kind for one in till.file(payment).reviews] == ["refund_unasked"]


class TestDispute:
    def test_that_is_won_takes_the_money_and_gives_it_back(self, till):
        payment = till.settled()
        opened = dispute(till, payment)
        until(lambda: till.balance(payment) == 0)
        till.control(f"stripe/disputes/{opened}", {"status": "won"})
        until(lambda: till.balance(payment) == MINOR)
        [told] = till.file(payment).disputes
        assert (told.state, told.reference) == ("won", opened)

    def test_that_is_lost_keeps_the_money(self, till):
        payment = till.settled()
        opened = dispute(till, payment)
        until(lambda: till.balance(payment) == 0)
        till.control(f"stripe/disputes/{opened}", {"status": "lost"})
        until(lambda: till.file(payment).disputes[0].state == "lost")
        assert till.balance(payment) == 0


class TestBooks:
    def test_agree_with_the_provider_s_after_all_that(self, till):
        assert till.is_right()["disputes"] == 2
