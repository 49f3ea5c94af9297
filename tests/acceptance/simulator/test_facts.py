"""Facts that our program did not cause: late refunds, disputes, other amounts, other accounts."""

from __future__ import annotations

import signal
import time
from typing import Any

import httpx
import pytest
import stripe
from tests.acceptance.simulator.process import Listener, Running, order, wait_for

from tallystick.simulator import read_journal


def types_of(running: Running, about: str) -> list[str]:
    """Return the types of the events about an object, the oldest first."""
    events = running.client().v1.events.list({"limit": 100}).data
    return [event.type for event in reversed(events) if event.data.object["id"] == about]


def entries_of(running: Running, source: str) -> list[tuple[str, int, int, int]]:
    """Return type, amount, fee and net of a source's balance transactions, the oldest first."""
    found = running.client().v1.balance_transactions.list({"source": source}).data
    return [(str(one.type), one.amount, one.fee, one.net) for one in reversed(found)]


def refused(running: Running, path: str, asked: object) -> int:
    return httpx.post(f"{running.url}/_simulator/stripe/{path}", json=asked).status_code


class TestRefunds:
    def test_succeed_at_once_by_default(self, running: Running) -> None:
        charge = running.paid()
        refund = running.client().v1.refunds.create(
            {"charge": charge.id, "amount": 100, "metadata": {"refund": "ref_1"}}
        )
        assert (refund.status, refund.to_dict()["metadata"]) == ("succeeded", {"refund": "ref_1"})
        assert types_of(running, refund.id) == ["refund.created"]
        assert types_of(running, charge.id)[-1] == "charge.refunded"
        assert entries_of(running, refund.id) == [("refund", -100, 0, -100)]

    def test_are_pending_on_request_and_then_succeed(self, running: Running) -> None:
        v1, charge = running.client().v1, running.paid()
        running.next("pending_refund")
        refund = v1.refunds.create({"charge": charge.id, "amount": 100})
        assert (refund.status, refund.pending_reason) == ("pending", "processing")
        assert v1.charges.retrieve(charge.id).amount_refunded == 100
        running.control(f"stripe/refunds/{refund.id}", {"status": "succeeded"})
        assert v1.refunds.retrieve(refund.id).status == "succeeded"
        assert types_of(running, refund.id) == [
            "refund.created",
            "refund.updated",
            "charge.refund.updated",
        ]
        assert refused(running, f"refunds/{refund.id}", {"status": "succeeded"}) == 400

    def test_that_fail_give_the_money_back(self, running: Running) -> None:
        v1, charge = running.client().v1, running.paid()
        running.next("pending_refund", status="failed", after_s=0.1)
        refund = v1.refunds.create({"charge": charge.id})
        wait_for(lambda: v1.refunds.retrieve(refund.id).status == "failed")
        failed = v1.refunds.retrieve(refund.id)
        assert failed.failure_reason == "expired_or_canceled_card"
        assert entries_of(running, refund.id) == [
            ("refund", -150_000, 0, -150_000),
            ("refund_failure", 150_000, 0, 150_000),
        ]
        back: Any = v1.balance_transactions.retrieve(str(failed.failure_balance_transaction))
        assert back.amount == 150_000
        assert "refund.failed" in types_of(running, refund.id)
        (event,) = v1.events.list({"type": "refund.failed"}).data
        assert event.data.previous_attributes is not None
        assert event.data.previous_attributes["status"] == "pending"
        found = v1.charges.retrieve(charge.id)
        assert (found.amount_refunded, found.refunded) == (0, False)
        assert v1.refunds.create({"charge": charge.id}).amount == 150_000

    @pytest.mark.parametrize(
        ("card", "first", "then"),
        [
            ("4000000000007726", "pending", "succeeded"),
            ("4000000000005126", "succeeded", "failed"),
        ],
    )
    def test_of_two_cards_change_later(
        self, running: Running, card: str, first: str, then: str
    ) -> None:
        v1 = running.client().v1
        refund = v1.refunds.create({"charge": running.paid(card).id})
        assert refund.status == first
        running.control("clock", {"advance_s": 10})
        assert v1.refunds.retrieve(refund.id).status == then

    def test_made_in_the_dashboard_are_nobodys(self, running: Running) -> None:
        charge = running.paid()
        made = running.control("stripe/refunds", {"payment_intent": charge.payment_intent})
        v1 = running.client().v1
        refund = v1.refunds.retrieve(made["id"])
        assert (refund.amount, refund.to_dict()["metadata"]) == (150_000, {})
        (event,) = v1.events.list({"type": "refund.created"}).data
        assert event.request is not None
        assert (event.request.id, event.request.idempotency_key) == (None, None)
        assert refused(running, "refunds", {"charge": charge.id}) == 400
        assert refused(running, "refunds", {"charge": "ch_none"}) == 404


class TestDisputes:
    def test_that_are_won_bring_the_amount_back_without_the_fee(self, running: Running) -> None:
        v1, charge = running.client().v1, running.paid()
        asked = {"charge": charge.id, "amount": 90_000, "reason": "product_not_received"}
        opened = running.control("stripe/disputes", asked)
        dispute = v1.disputes.retrieve(opened["id"])
        assert (dispute.status, dispute.reason, dispute.amount) == (
            "needs_response",
            "product_not_received",
            90_000,
        )
        assert v1.charges.retrieve(charge.id).disputed
        with pytest.raises(stripe.InvalidRequestError) as error:
            v1.refunds.create({"charge": charge.id})
        assert error.value.code == "charge_disputed"
        running.control(f"stripe/disputes/{dispute.id}", {"status": "under_review"})
        running.control(f"stripe/disputes/{dispute.id}", {"status": "won"})
        assert types_of(running, dispute.id) == [
            "charge.dispute.created",
            "charge.dispute.funds_withdrawn",
            "charge.dispute.updated",
            "charge.dispute.funds_reinstated",
            "charge.dispute.closed",
        ]
        assert entries_of(running, dispute.id) == [
            ("adjustment", -90_000, 1_500, -91_500),
            ("adjustment", 90_000, 0, 90_000),
        ]
        won = v1.disputes.retrieve(dispute.id)
        assert (won.status, len(won.balance_transactions)) == ("won", 2)
        assert v1.refunds.create({"charge": charge.id}).amount == 150_000

    def test_that_are_lost_keep_the_money(self, running: Running) -> None:
        v1, charge = running.client().v1, running.paid()
        asked = {"payment_intent": charge.payment_intent, "fee": 2_000}
        dispute = running.control("stripe/disputes", asked)
        lost = running.control(f"stripe/disputes/{dispute['id']}", {"status": "lost"})
        assert (lost["status"], lost["amount"]) == ("lost", 150_000)
        assert types_of(running, dispute["id"])[2:] == ["charge.dispute.closed"]
        assert entries_of(running, dispute["id"]) == [("adjustment", -150_000, 2_000, -152_000)]
        with pytest.raises(stripe.InvalidRequestError, match="charged back"):
            v1.refunds.create({"charge": charge.id})
        (listed,) = v1.disputes.list({"charge": charge.id}).data
        assert listed.id == dispute["id"]

    def test_are_opened_by_a_card_and_accepted_by_the_merchant(self, running: Running) -> None:
        charge = running.paid("4000000000000259")
        v1 = running.client().v1
        (dispute,) = v1.disputes.list().data
        assert (dispute.charge, dispute.reason) == (charge.id, "fraudulent")
        assert v1.disputes.close(dispute.id).status == "lost"
        with pytest.raises(stripe.InvalidRequestError, match="already lost"):
            v1.disputes.close(dispute.id)

    def test_are_opened_and_closed_once(self, running: Running) -> None:
        charge = running.paid().id
        dispute = running.control("stripe/disputes", {"charge": charge})
        assert refused(running, "disputes", {"charge": charge}) == 400
        path = f"disputes/{dispute['id']}"
        assert refused(running, path, {"status": "forgotten"}) == 400
        assert refused(running, path, {}) == 400
        assert refused(running, "disputes/du_none", {"status": "won"}) == 404
        running.control(f"stripe/{path}", {"status": "won"})
        assert refused(running, path, {"status": "lost"}) == 400


class TestStrangeFacts:
    def test_another_amount_and_currency_are_paid(self, running: Running) -> None:
        running.next("other_payment", amount=1_000, currency="USD")
        charge = running.paid()
        assert (charge.amount, charge.currency) == (1_000, "usd")
        v1 = running.client().v1
        (session,) = v1.checkout.sessions.list({"payment_intent": charge.payment_intent}).data
        assert (session.amount_total, session.currency, session.payment_status) == (
            1_000,
            "usd",
            "paid",
        )
        assert running.paid().amount == 150_000

    def test_events_of_another_mode_and_account_are_delivered_but_not_listed(
        self, heard: Running, listener: Listener
    ) -> None:
        charge = heard.paid()
        wait_for(lambda: len(listener.got) == 3)
        before = heard.client().v1.events.list().data
        asked = {"type": "charge.succeeded", "object": charge.id}
        heard.control("stripe/events", {**asked, "livemode": True})
        heard.control("stripe/events", {**asked, "account": "acct_other"})
        wait_for(lambda: len(listener.got) == 5)
        live, other = sorted(listener.events()[3:], key=lambda event: not event.livemode)
        assert (live.livemode, live.data.object.livemode) == (True, True)
        assert (other.livemode, other.account) == (False, "acct_other")
        assert heard.client().v1.events.list().data == before
        assert not heard.client().v1.charges.retrieve(charge.id).livemode


class TestBalance:
    def test_adds_up_over_pages_and_filters(self, running: Running) -> None:
        v1 = running.client().v1
        charges = [running.paid(amount=amount) for amount in (100_000, 200_000, 300_000)]
        v1.refunds.create({"charge": charges[0].id, "amount": 40_000})
        running.control("stripe/disputes", {"charge": charges[1].id})
        found = list(v1.balance_transactions.list({"limit": 2}).auto_paging_iter())
        assert sum(one.amount for one in found) == 600_000 - 40_000 - 200_000
        assert sum(one.fee for one in found) == 2_930 + 5_830 + 8_730 + 1_500
        assert all(one.net == one.amount - one.fee for one in found)
        charged = v1.balance_transactions.list({"type": "charge"}).data
        assert [one.source for one in charged] == [one.id for one in charges[::-1]]
        assert v1.balance_transactions.list({"currency": "usd"}).data == []
        assert len(v1.charges.list({"limit": 100}).data) == 3
        assert len(v1.payment_intents.list({"limit": 100}).data) == 3
        (one,) = v1.charges.list({"payment_intent": charges[1].payment_intent}).data
        assert one.id == charges[1].id

    def test_becomes_available_after_two_days(self, running: Running) -> None:
        entry = str(running.paid().balance_transaction)
        v1 = running.client().v1
        assert v1.balance_transactions.retrieve(entry).status == "pending"
        running.control("clock", {"advance_s": 2 * 86_400})
        assert v1.balance_transactions.retrieve(entry).status == "available"


class TestClock:
    def test_moves_for_good_while_signatures_stay_real(
        self, heard: Running, listener: Listener
    ) -> None:
        v1 = heard.client().v1
        session = v1.checkout.sessions.create(order())
        moved = heard.control("clock", {"advance_s": 86_400})
        assert moved["ahead_s"] == 86_400
        assert v1.checkout.sessions.retrieve(session.id).status == "expired"
        # The SDK refuses signatures that are older than five minutes.
        wait_for(lambda: listener.types() == ["checkout.session.expired"])
        stamp = listener.got[0][1]["stripe-signature"].partition(",")[0].removeprefix("t=")
        assert abs(int(stamp) - time.time()) < 300
        assert listener.events()[0].created - int(stamp) > 86_000
        assert heard.end(signal.SIGKILL) == -signal.SIGKILL
        heard.start()
        assert heard.control("clock", method="GET")["ahead_s"] == 86_400
        made = heard.client().v1.checkout.sessions.create(order())
        assert made.created - time.time() > 86_000

    def test_frees_idempotency_keys_after_a_day(self, running: Running) -> None:
        v1 = running.client().v1
        options: Any = {"idempotency_key": "k"}
        first = v1.checkout.sessions.create(order(), options).id
        running.control("clock", {"advance_s": 86_000})
        assert v1.checkout.sessions.create(order(), options).id == first
        running.control("clock", {"advance_s": 400})
        assert v1.checkout.sessions.create(order(), options).id != first


class TestJournal:
    def test_tells_the_same_by_folder_and_by_address(self, running: Running) -> None:
        v1, charge = running.client().v1, running.paid()
        declined = v1.checkout.sessions.create(order())
        running.pay(declined.id, "4000000000000002")
        refund = v1.refunds.create(
            {"charge": charge.id, "amount": 100, "metadata": {"refund": "ref_1"}}
        )
        dispute = running.control("stripe/disputes", {"charge": charge.id})
        told = read_journal(running.data)
        assert read_journal(running.url) == told
        one = told.charges[charge.id]
        assert (one.amount, one.amount_refunded, one.currency) == (150_000, 100, "kes")
        assert (one.is_paid, one.is_disputed, one.metadata) == (True, True, {"payment": "pay_1"})
        (session,) = v1.checkout.sessions.list({"payment_intent": one.payment_intent}).data
        assert one.session == session.id
        assert [c.is_paid for c in told.charges.values()] == [True, False]
        again = told.refunds[refund.id]
        assert (again.amount, again.status, again.metadata) == (
            100,
            "succeeded",
            {"refund": "ref_1"},
        )
        lost = told.disputes[dispute["id"]]
        assert (lost.amount, lost.fee, lost.status) == (149_900, 1_500, "needs_response")
        assert {w.type for w in told.webhooks_owed.values()} >= {"refund.created"}
        assert all(w.object for w in told.webhooks.values())
