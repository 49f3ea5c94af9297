"""Money that goes back: by us, by the provider's dashboard, by the payer's bank; each once."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from tests.acceptance.payments.till import MINOR, Till, until

from factories.ledger import post
from factories.wallets import wallet
from tallystick.payments import RefundNotCovered
from tallystick.simulator import JournalRefund

FEE = 1_500


def spend(till: Till, payment: str, minor: int) -> None:
    """Spend from the payment's wallet."""
    with till.house.database.connect() as conn:
        post(conn, till.wallets[payment].available_id, wallet(conn).available_id, minor)


def intent(till: Till, payment: str) -> str:
    return till.sessions(payment)[0]["payment_intent"]


def refunds(till: Till, payment: str) -> list[JournalRefund]:
    """Return the refunds of a payment that the provider made."""
    paid = intent(till, payment)
    return [one for one in till.journal.refunds.values() if one.payment_intent == paid]


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
        [told] = refunds(till, payment)
        assert told.status == "succeeded"

    def test_of_money_that_is_spent_is_refused_and_not_sent(self, till):
        payment = till.settled()
        spend(till, payment, MINOR)
        before = len(till.journal.refunds)
        with pytest.raises(RefundNotCovered):
            till.refund(payment)
        assert till.file(payment).refunds == []
        assert len(till.journal.refunds) == before

    @pytest.mark.full
    def test_that_is_pending_and_then_fails_is_in_the_wallet_again(self, till):
        payment = till.settled()
        till.control("next", {"what": "pending_refund"})
        made = till.refund(payment)
        until(lambda: till.refund_of(payment, made.id).state == "submitted")
        assert till.balance(payment) == 0
        [told] = refunds(till, payment)
        till.control(f"stripe/refunds/{told.id}", {"status": "failed"})
        until(lambda: till.refund_of(payment, made.id).state == "failed")
        assert till.balance(payment) == MINOR

    @pytest.mark.full
    def test_that_was_made_comes_back_when_it_fails_later(self, till):
        payment = till.settled()
        made = till.refund(payment)
        until(lambda: till.refund_of(payment, made.id).state == "settled")
        reference = till.refund_of(payment, made.id).reference
        till.control(f"stripe/refunds/{reference}", {"status": "failed"})
        until(lambda: till.balance(payment) == MINOR)
        assert [one.kind for one in till.file(payment).news] == ["refund_returned"]

    @pytest.mark.full
    @pytest.mark.parametrize("what", ["timeout_after_charge", "error_500_after_charge"])
    def test_whose_answer_never_came_is_made_once(self, till, what):
        payment = till.settled()
        till.fault("lost_webhook", match="refund.created")
        till.fault(what, match="refund.create")
        made = till.refund(payment)
        until(lambda: till.refund_of(payment, made.id).state == "settled")
        [told] = refunds(till, payment)
        assert till.refund_of(payment, made.id).reference == told.id
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

    @pytest.mark.full
    def test_that_is_lost_keeps_the_money(self, till):
        payment = till.settled()
        opened = dispute(till, payment)
        until(lambda: till.balance(payment) == 0)
        till.control(f"stripe/disputes/{opened}", {"status": "lost"})
        until(lambda: till.file(payment).disputes[0].state == "lost")
        assert till.balance(payment) == 0


class TestBooks:
    def test_agree_with_the_provider_s_after_all_that(self, till):
        assert till.is_right()["disputes"] > 0
        shown = till.house.tallystick("simulator", "compare")
        assert shown.returncode == 0
        assert shown.stdout.startswith("They agree: ")

    def test_differ_from_a_journal_that_knows_nothing_of_them(self, till, tmp_path):
        (tmp_path / "journal.jsonl").touch()
        words = ("simulator", "compare", "--journal", str(tmp_path))
        shown = till.house.tallystick(*words)
        assert shown.returncode == 1
        assert shown.stdout.startswith("They differ: nothing of the provider's, ")
        told = json.loads(till.house.tallystick(*words, "--json").stdout)
        troubles = Counter(one["trouble"] for one in told["differences"])
        assert (told["ok"], set(troubles)) == (False, {"unknown_there", "other_sum"})
        assert troubles["unknown_there"] == till.scalar(_OBJECTS)

    def test_are_not_compared_with_a_journal_that_is_none(self, till, tmp_path):
        refused = till.house.tallystick("simulator", "compare", "--journal", str(tmp_path))
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr.startswith("Nothing was compared: The journal of ")


_OBJECTS = """
    SELECT count(DISTINCT reference) FROM (
        SELECT reference FROM tallystick.collection
        UNION ALL SELECT reference FROM tallystick.refund WHERE state = 'settled'
        UNION ALL SELECT reference FROM tallystick.dispute
        UNION ALL SELECT reference FROM tallystick.news
    ) AS booked"""
