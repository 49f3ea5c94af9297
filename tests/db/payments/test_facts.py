"""What a provider reports is booked: once, in any order, to the wallet if it may."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from factories import payments as factory
from factories.ledger import KES, balance, post
from factories.wallets import wallet
from tallystick import chart, db, ids, ledger, payments
from tallystick.money import Currency, Money
from tallystick.payments import (
    CollectionKind,
    Declined,
    Expired,
    FactEarly,
    PaymentState,
    operations,
)
from tallystick.payments.facts import Booked, MustAsk, Separately, Stranger

USD = Currency("USD")
BOOKED = Booked()


@pytest.fixture
def till(conn):
    """A wallet, and short hands for its payments."""
    return Till(conn, wallet(conn))


class Till:
    def __init__(self, conn, owned):
        self.conn, self.wallet, self.now = conn, owned, db.now(conn)

    def book(self, *told, **change):
        return factory.book(self.conn, *told, **change)

    def paid(self, payment, **change):
        return factory.paid(payment, at=self.now, **change)

    def file(self, payment):
        return payments.file(self.conn, payment_id=payment.id, owner=None)

    def states(self, payment):
        return [step.state.value for step in self.file(payment).steps]

    def submitted(self, **change):
        return factory.submitted(self.conn, self.wallet, **change)

    def suspense(self, currency=KES) -> int:
        [identity] = ledger.open_accounts(self.conn, [chart.suspense("stripe", currency)])
        return balance(self.conn, identity)

    @property
    def available(self) -> int:
        return balance(self.conn, self.wallet.available_id)


class TestPaid:
    def test_brings_the_money_once(self, conn, till):
        payment = till.submitted()
        for _ in range(2):
            assert till.book(till.paid(payment)) == [BOOKED]
        seen = till.file(payment).payment
        assert (seen.state, till.available) == (PaymentState.SETTLED, 150_000)
        assert (seen.action_url, seen.look_at) == (None, None)
        assert seen.collected_reference == f"pi_{payment.id}"
        assert till.states(payment) == ["created", "sending", "submitted", "settled"]
        assert ledger.verify(conn) == []

    def test_twice_in_one_batch_brings_it_once(self, till):
        payment = till.submitted()
        assert till.book(*[till.paid(payment)] * 20) == [BOOKED] * 20
        assert till.available == 150_000

    def test_twice_by_two_sessions_in_one_batch_reaches_wallet_and_suspense(self, conn, till):
        payment = till.submitted()
        assert (
            till.book(
                till.paid(payment), till.paid(payment, reference="cs_2", collected_reference="pi_2")
            )
            == [BOOKED] * 2
        )
        assert (till.available, till.suspense()) == (150_000, 150_000)
        assert ledger.verify(conn) == []

    def test_under_another_reference_than_the_answer_gave_is_still_one_payment(self, till):
        payment = till.submitted()
        fact = till.paid(payment, reference="cs_true", collected_reference="pi_true")
        for _ in range(2):
            assert till.book(fact) == [BOOKED]
        seen = till.file(payment)
        assert (seen.payment.reference, seen.payment.collected_reference) == ("cs_true", "pi_true")
        assert (till.available, till.suspense(), seen.news) == (150_000, 0, [])

    def test_of_many_payments_settles_all_at_once(self, conn, till):
        made = [till.submitted(key=f"key-{number}") for number in range(40)]
        assert till.book(*map(till.paid, made)) == [BOOKED] * 40
        assert till.available == 40 * 150_000
        assert {till.file(one).payment.state for one in made} == {PaymentState.SETTLED}
        assert len({till.file(one).payment.posting_id for one in made}) == 40
        assert ledger.verify(conn) == []

    def test_before_our_own_record_settles_over_what_was_missed(self, conn, till):
        payment = factory.payment(conn, till.wallet)
        assert till.book(till.paid(payment)) == [BOOKED]
        assert till.states(payment) == ["created", "sending", "settled"]
        assert till.available == 150_000

    @pytest.mark.parametrize(
        "amount", [Money(149_999, KES), Money(150_001, KES), Money(150_000, USD)]
    )
    def test_of_another_amount_is_asked_about_and_then_waits_in_suspense(self, conn, till, amount):
        payment = till.submitted()
        fact = till.paid(payment, amount=amount)
        assert till.book(fact) == [MustAsk(payment.id, reference=fact.reference)]
        assert (till.available, till.suspense(amount.currency)) == (0, 0)
        for _ in range(2):
            assert till.book(fact, is_confirmed=True) == [BOOKED]
        file = till.file(payment)
        assert (till.available, till.suspense(amount.currency)) == (0, amount.minor)
        assert file.payment.state is PaymentState.REVIEW
        assert [kept.kind for kept in file.collections] == [CollectionKind.OTHER_AMOUNT]
        assert [review.kind for review in file.reviews] == ["paid_other_amount"]
        assert till.states(payment)[-3:] == ["submitted", "unknown", "review"]
        assert ledger.verify(conn) == []

    def test_after_the_payment_had_ended_reaches_the_wallet_beside_it(self, conn, till):
        payment = till.submitted()
        shown = ids.show("pay", payment.id)
        till.book(Expired(shown, "cs", till.now))
        for _ in range(2):
            assert till.book(till.paid(payment)) == [BOOKED]
        file = till.file(payment)
        assert (file.payment.state, till.available) == (PaymentState.EXPIRED, 150_000)
        assert [kept.kind for kept in file.collections] == [CollectionKind.LATE]
        assert [review.is_open for review in file.reviews] == [True]
        assert ledger.verify(conn) == []

    def test_a_second_time_for_one_payment_waits_in_suspense(self, till):
        payment = factory.settled(till.conn, till.wallet)
        fact = till.paid(payment, reference="cs_other", collected_reference="pi_other")
        for _ in range(2):
            assert till.book(fact) == [BOOKED]
        assert (till.available, till.suspense()) == (150_000, 150_000)
        assert [kept.kind for kept in till.file(payment).collections] == [
            CollectionKind.SETTLED,
            CollectionKind.TWICE,
        ]

    def test_into_a_frozen_wallet_waits_in_suspense(self, conn, till):
        payment = till.submitted()
        ledger.freeze(
            conn, account_id=till.wallet.available_id, actor="operator:ann", reason="Police."
        )
        for _ in range(2):
            assert till.book(till.paid(payment)) == [BOOKED]
        file = till.file(payment)
        assert (till.available, till.suspense()) == (0, 150_000)
        assert file.payment.state is PaymentState.REVIEW
        assert [kept.kind for kept in file.collections] == [CollectionKind.UNBOOKABLE]

    def test_does_not_drag_others_of_its_batch_to_suspense(self, conn, till):
        other = wallet(conn)
        closed, well = till.submitted(), factory.submitted(conn, other, caller="other")
        ledger.freeze(
            conn, account_id=till.wallet.available_id, actor="operator:ann", reason="Police."
        )
        assert till.book(till.paid(closed), till.paid(well)) == [BOOKED, BOOKED]
        assert (till.suspense(), balance(conn, other.available_id)) == (150_000, 150_000)

    def test_settles_a_payment_that_a_person_was_asked_about(self, conn, till):
        payment = till.submitted()
        operations.ask_a_person(conn, payment, now=till.now)
        assert till.book(till.paid(payment)) == [BOOKED]
        assert till.states(payment)[-2:] == ["review", "settled"]
        assert till.available == 150_000


class TestStranger:
    def fact(self, till, **change):
        gone = replace(till.submitted(), id=ids.new())
        return till.paid(gone, **change)

    def test_may_be_early_for_a_minute(self, till):
        [result] = till.book(self.fact(till))
        assert isinstance(result, FactEarly)
        assert till.suspense() == 0

    def test_then_waits_in_suspense_with_a_review(self, conn, till):
        fact = self.fact(till)
        late = till.now - timedelta(seconds=61)
        for _ in range(2):
            assert till.book(fact, received_at=late) == [BOOKED]
        assert till.suspense() == 150_000
        [review] = [one for one in payments.reviews(conn) if fact.reference in one.subject]
        assert (review.kind, review.payment_id) == ("paid_unclaimed", None)
        assert ledger.verify(conn) == []

    def test_is_booked_by_itself(self, till):
        fact, known = self.fact(till), till.submitted(key="other")
        late = till.now - timedelta(seconds=61)
        reports = [payments.facts.Report(one, "test", late) for one in (till.paid(known), fact)]
        with pytest.raises(Separately):
            payments.facts.book(till.conn, reports, provider="stripe", now=till.now)
        assert till.available == 0

    def test_is_a_payment_of_another_provider(self, till):
        payment = till.submitted()
        [result] = till.book(till.paid(payment), provider="lemonade")
        assert isinstance(result, FactEarly)
        assert till.file(payment).payment.state is PaymentState.SUBMITTED

    def test_whose_id_is_none_of_ours_is_money_all_the_same(self, till):
        fact = till.paid(till.submitted(), payment_id="pay_nonsense")
        assert till.book(fact, received_at=till.now - timedelta(hours=1)) == [BOOKED]
        assert till.suspense() == 150_000

    def test_that_brings_no_money_says_nothing(self, till):
        fact = Expired(ids.show("pay", ids.new()), "cs", till.now)
        result = till.book(fact, received_at=till.now - timedelta(hours=1))
        assert result == [Stranger(None)]


class TestDeclined:
    def test_keeps_the_payment_open_for_another_card(self, till):
        payment = till.submitted()
        fact = Declined(ids.show("pay", payment.id), "insufficient_funds", "No cover.", till.now)
        till.book(fact)
        seen = till.file(payment).payment
        assert (seen.state, seen.failure_detail) == (PaymentState.SUBMITTED, "No cover.")
        assert seen.action_url == payment.action_url
        till.book(till.paid(payment))
        settled = till.file(payment).payment
        assert (settled.failure_code, till.available) == (None, 150_000)

    def test_after_the_payment_was_paid_changes_nothing(self, till):
        payment = factory.settled(till.conn, till.wallet)
        before = till.file(payment)
        till.book(Declined(ids.show("pay", payment.id), "card_declined", "No.", till.now))
        assert till.file(payment) == before

    def test_and_paid_in_one_batch_settle(self, till):
        payment = till.submitted()
        declined = Declined(ids.show("pay", payment.id), "card_declined", "No.", till.now)
        assert till.book(declined, till.paid(payment)) == [BOOKED, BOOKED]
        assert till.file(payment).payment.state is PaymentState.SETTLED


class TestExpired:
    def test_after_the_payment_was_paid_changes_nothing(self, till):
        payment = factory.settled(till.conn, till.wallet)
        before = till.file(payment)
        till.book(Expired(ids.show("pay", payment.id), "cs", till.now))
        assert till.file(payment) == before


class TestReview:
    def test_is_answered_once_with_a_reason(self, conn, till):
        payment = till.submitted()
        operations.ask_a_person(conn, payment, now=till.now)
        [review] = till.file(payment).reviews
        asked = {"review_id": review.id, "by": "person:ann", "now": till.now}
        for reason in ("", "   ", "x" * 501, "\x00"):
            with pytest.raises(payments.ReasonMissing):
                payments.resolve(conn, reason=reason, **asked)
        answered = payments.resolve(conn, reason=" Seen at the provider. ", **asked)
        assert (answered.is_open, answered.reason) == (False, "Seen at the provider.")
        assert till.file(payment).reviews == [answered]
        with pytest.raises(payments.ReviewResolved):
            payments.resolve(conn, reason="Again.", **asked)
        with pytest.raises(payments.ReviewNotFound):
            payments.resolve(conn, reason="No.", **{**asked, "review_id": ids.new()})


class TestSpent:
    def test_money_can_be_spent_as_soon_as_it_is_booked(self, conn, till):
        till.book(till.paid(till.submitted()))
        other = wallet(conn)
        post(conn, till.wallet.available_id, other.available_id, 150_000)
        assert (till.available, balance(conn, other.available_id)) == (0, 150_000)
