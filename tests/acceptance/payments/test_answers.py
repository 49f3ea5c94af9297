"""What a provider can answer to our call, and what we make of it: never "failed" on a guess.

Each fault strikes a payment of its own. All are asked for at once, because most take seconds.
"""

from __future__ import annotations

import pytest
from tests.acceptance.payments.till import COMPLETED, MINOR, Till, until

pytestmark = pytest.mark.full

#: What is done although the answer does not say so, or says it falsely: how the fault is ordered.
DONE = {
    "timeout_after_charge": {},
    "error_500_after_charge": {},
    "cut_body": {},
    "drip": {"after_s": 0.2},
    "huge_body": {},
    "html_body": {},
    "other_amount": {},
    "other_currency": {},
    "other_id": {},
    "unknown_status": {},
    "duplicate_keys": {},
    "slow": {"after_s": 0.5},
}
#: What is not done: it is sent once more.
NOT_DONE = {"timeout": {}, "rate_limited": {"retry_after_s": 7}}
#: Of these the first answer is believed, as far as it goes: it is not the amount that lies.
BELIEVED = {"slow", "other_id", "unknown_status"}
REPLAYED_S = 72 * 3600


@pytest.fixture(scope="module")
def asked(till: Till) -> dict[str, str]:
    """Ask for a payment with each fault, and return them by it."""
    payments = {}
    for what, more in {**DONE, **NOT_DONE, "error_500": {}}.items():
        till.fault(what, **more)
        payments[what] = till.ask()
        until(lambda: not till.control("next", method="GET")["waiting"])
    return payments


@pytest.fixture(scope="module")
def paid(till: Till, asked: dict[str, str]) -> dict[str, str]:
    """Pay all of them, once they stand at the provider and are known to wait for that."""
    waiting = {what: payment for what, payment in asked.items() if what != "error_500"}
    for payment in waiting.values():
        till.becomes(payment, "submitted", within_s=60)
    # Under a false id nothing is found, so that without the webhook we must look further.
    till.fault("lost_webhook", match=COMPLETED)
    for payment in sorted(waiting.values(), key=waiting["other_id"].__ne__):
        assert till.pay(payment) == "paid"
    return waiting


class TestAnswer:
    @pytest.mark.parametrize("what", [*DONE, *NOT_DONE])
    def test_that_is_none_or_a_lie_ends_in_the_wallet_once(self, till, paid, what):
        payment = paid[what]
        till.becomes(payment, "settled")
        assert till.balance(payment) == MINOR
        [session] = till.sessions(payment)
        file = till.file(payment)
        assert file.payment.reference == session["id"]
        assert file.payment.collected_reference == session["payment_intent"]
        states = [step.state.value for step in file.steps]
        assert "failed" not in states
        assert states.count("settled") == 1
        assert (till.outcomes(payment)[0] == "answered") is (what in BELIEVED)
        assert file.reviews == []

    def test_429_is_obeyed(self, till, paid):
        first, second = till.file(paid["rate_limited"]).tries
        assert (first.outcome, second.outcome) == ("unknown", "answered")
        assert (second.started_at - first.ended_at).total_seconds() >= 7

    def test_after_the_deed_is_found_by_looking_it_up(self, till, paid):
        # The provider says the same 500 under this key for a day: only the session tells.
        outcomes = till.outcomes(paid["error_500_after_charge"])
        assert set(outcomes) == {"unknown"}

    def test_500_without_a_deed_is_no_failure_and_goes_to_a_person(self, till, asked, paid):
        for payment in paid.values():
            till.becomes(payment, "settled")
        payment = asked["error_500"]
        assert till.becomes(payment, "unknown")["failure"] is None
        till.advance(REPLAYED_S + 1)
        till.becomes(payment, "review")
        [review] = till.file(payment).reviews
        assert review.kind == "payment_unknown"
        assert (till.sessions(payment), till.balance(payment)) == ([], 0)

    def test_of_any_kind_leaves_books_that_agree(self, till, paid):
        assert till.is_right() == {"charges": len(paid)}
