"""What the lab's buttons do to payments: start, pay, refund, dispute. Each says what it did."""

from __future__ import annotations

from typing import Final

from tallystick import clock, db, ids, observability, payments
from tallystick.money import Money
from tallystick.payments import DisputeState, Payment, PaymentState, Reason
from tallystick.web.database import heart
from tallystick.web.lab.bench import Bench, NothingThere
from tallystick.web.lab.books import verdict

__all__ = [
    "abandon",
    "end_dispute",
    "fail_refund",
    "open_dispute",
    "pay",
    "refund_half",
    "refund_there",
    "start",
    "start_and_pay",
    "verify",
]

#: How long a click waits for the payment page, in seconds; then the person pays with a second one.
_PATIENCE_S: Final = 0.8
_LOOK_EVERY_S: Final = 0.03
_OUTCOMES: Final = {
    "paid": "The simulator took the card. Watch the webhook arrive, and the money in the wallet.",
    "declined": "The card was declined: nothing is booked, and another card can be tried.",
    "requires_action": "The bank asks for 3-D Secure, and nobody has answered.",
    "already_paid": "It was paid already.",
    "expired": "Its page has expired.",
}


def start(bench: Bench, minor: int) -> str:
    """Start a top-up of so many minor units; return what to say."""
    payment = _create(bench, minor)
    return f"A top-up of {payment.amount} is on its way to the provider. Pay it with one of these."


def start_and_pay(bench: Bench, minor: int) -> str:
    """Start a top-up and pay it with a good card, if its page is ready soon."""
    payment = _create(bench, minor)
    mark = clock.start()
    while clock.elapsed_since(mark) < _PATIENCE_S:
        with heart() as conn:
            seen = payments.get(conn, payment_id=payment.id, owner=bench.owner)
        if seen.state is PaymentState.SUBMITTED:
            return _paid(bench, seen, "4242424242424242")
        clock.pause(_LOOK_EVERY_S)
    return (
        f"A top-up of {payment.amount} has started, and something holds it up. Once it is"
        " submitted, pay it with a card."
    )


def pay(bench: Bench, card: str) -> str:
    """Pay the newest payment that waits for it; raise NothingThere."""
    return _paid(bench, _waiting(bench), card)


def abandon(bench: Bench) -> str:
    """Let the page of the newest payment that waits expire; raise NothingThere."""
    bench.simulator.expire(_session(_waiting(bench)))
    return "The payment page has expired, as if nobody had ever come back. Nothing was taken."


def refund_half(bench: Bench) -> str:
    """Refund half of what is left of the newest settled payment, from here."""
    settled = bench.settled().payment
    half = Money(-(-settled.left.minor // 2), settled.amount.currency)
    with heart() as conn:
        made = payments.refund(
            conn,
            payment_id=settled.id,
            amount=half,
            reason=Reason.REQUESTED_BY_CUSTOMER,
            provider=bench.provider,
            actor=bench.owner,
            caller=bench.owner,
            key=f"lab-{ids.new()}",
            request_id=observability.request_id(),
            now=db.now(conn),
            owner=bench.owner,
        )
    return f"{made.amount} is set aside in the wallet, and a job asks the provider to give it back."


def refund_there(bench: Bench) -> str:
    """Refund half of what is left by hand at the provider, as in its dashboard."""
    settled = bench.settled().payment
    half = -(-settled.left.minor // 2)
    intent = settled.collected_reference
    bench.simulator.order("stripe/refunds", payment_intent=intent, amount=half)
    return (
        "Somebody refunded half of it in the provider's dashboard. Nobody asked us: watch the books"
        " take it all the same."
    )


def fail_refund(bench: Bench) -> str:
    """Let the newest refund of the newest settled payment fail at the provider."""
    made = [one for one in bench.settled().refunds if one.reference is not None]
    if not made:
        raise NothingThere("Nothing was refunded yet. Refund half of it first.")
    path = f"stripe/refunds/{made[-1].reference}"
    bench.simulator.order(path, status="failed", failure_reason="lost_or_stolen_card")
    return "The provider could not give the money back. Watch it return to the wallet."


def open_dispute(bench: Bench) -> str:
    """Let the payer's bank dispute the newest settled payment."""
    intent = bench.settled().payment.collected_reference
    bench.simulator.order("stripe/disputes", payment_intent=intent, reason="fraudulent")
    return (
        "The payer's bank disputes it and takes the money at once, covered or not. A review asks"
        " you what to do."
    )


def end_dispute(bench: Bench, end: str) -> str:
    """Let the newest open dispute end as `won` or `lost`; raise NothingThere."""
    opened = [one for one in bench.settled().disputes if one.state is DisputeState.OPEN]
    if not opened:
        raise NothingThere("No dispute is open. Open one, and wait until it shows here.")
    bench.simulator.order(f"stripe/disputes/{opened[-1].reference}", status=end)
    if end == "won":
        return "The dispute is won: the money comes back. The provider keeps its fee."
    return "The dispute is lost: the money stays away, and so does the fee."


def verify(_bench: Bench) -> str:
    """Read every entry of the books again, and say what was found."""
    with heart() as conn:
        found = verdict(conn, is_wanted_now=True)
    if found.breaches:
        return f"The books do not balance: {'; '.join(found.breaches[:3])}."
    return f"All {found.entries:,} entries were read in {found.took_ms} ms: the books balance."


def _create(bench: Bench, minor: int) -> Payment:
    wallet = bench.wallet()
    with heart() as conn:
        made = payments.create(
            conn,
            owner=bench.owner,
            wallet_id=wallet.id,
            amount=Money(minor, wallet.currency),
            provider=bench.provider,
            caller=bench.owner,
            key=f"lab-{ids.new()}",
            request_id=observability.request_id(),
            now=db.now(conn),
        )
    bench.shown = made.id
    return made


def _waiting(bench: Bench) -> Payment:
    found = bench.find(PaymentState.SUBMITTED)
    if found is None:
        raise NothingThere("No payment of yours waits for a card. Start one first.")
    return found


def _session(payment: Payment) -> str:
    assert payment.reference is not None, "what is submitted has the provider's id"
    return payment.reference


def _paid(bench: Bench, payment: Payment, card: str) -> str:
    told = bench.simulator.order("pay", session=_session(payment), card=card)
    return _OUTCOMES.get(str(told["outcome"]), str(told["outcome"]))
