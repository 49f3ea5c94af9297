"""The journal is read as what should be booked, in our units; what is not ours is counted."""

from __future__ import annotations

from dataclasses import replace

from tallystick.comparison import Kind, of_stripe
from tallystick.simulator import JournalCharge, JournalContents, JournalDispute, JournalRefund

OURS = {"tallystick_payment": "pay_1"}


def charge(name: str = "1", **change: object) -> JournalCharge:
    made = JournalCharge(
        id=f"ch_{name}",
        amount=150_000,
        amount_refunded=0,
        currency="kes",
        is_paid=True,
        is_disputed=False,
        payment_intent=f"pi_{name}",
        session=f"cs_{name}",
        metadata=OURS,
        created=1,
    )
    return replace(made, **change)


def refund(name: str, **change: object) -> JournalRefund:
    metadata = {"tallystick_refund": "ref_1"}
    made = JournalRefund(f"re_{name}", 500, "kes", "succeeded", "ch_1", "pi_1", metadata, 1)
    return replace(made, **change)


def dispute(name: str, **change: object) -> JournalDispute:
    made = JournalDispute(
        f"du_{name}", 900, 15, "kes", "needs_response", "fraudulent", "ch_1", "pi_1", 1
    )
    return replace(made, **change)


def told(*objects: JournalCharge | JournalRefund | JournalDispute):
    kinds = {JournalCharge: {}, JournalRefund: {}, JournalDispute: {}}
    for one in objects:
        kinds[type(one)][one.id] = one
    return of_stripe(JournalContents(*kinds.values(), {}))


class TestCharge:
    def test_is_booked_once_under_its_session(self) -> None:
        [one] = told(charge()).told
        assert (one.kind, one.reference, one.payment) == (Kind.CHARGE, "cs_1", "pay_1")
        assert (one.currency, one.ways, one.net) == ("KES", ((150_000,),), 150_000)

    def test_is_in_our_units(self) -> None:
        [one] = told(charge(currency="ugx", amount=500_000)).told
        assert one.ways == ((5_000,),)

    def test_that_was_declined_is_nothing(self) -> None:
        assert told(charge(is_paid=False)).told == []


class TestRefund:
    def test_is_booked_by_how_far_it_is(self) -> None:
        states = ("succeeded", "pending", "failed")
        made = [refund(state, status=state) for state in states]
        ways = {one.reference: (one.ways, one.order) for one in told(charge(), *made).told[1:]}
        assert ways == {
            "re_succeeded": (((-500,),), "ref_1"),
            "re_pending": (((),), "ref_1"),
            "re_failed": (((), (-500, 500)), ""),
        }


class TestDispute:
    def test_is_booked_by_how_it_ended(self) -> None:
        made = [dispute("open"), dispute("lost", status="lost"), dispute("won", status="won")]
        nets = {one.reference: one.net for one in told(charge(), *made).told[1:]}
        assert nets == {"du_open": -915, "du_lost": -915, "du_won": -15}


class TestOthers:
    def test_are_counted_apart(self) -> None:
        story = told(
            charge(metadata={}), refund("1"), dispute("1"), charge("2", payment_intent="pi_2")
        )
        assert [one.reference for one in story.told] == ["cs_2"]
        assert story.others == {Kind.CHARGE: 1, Kind.REFUND: 1, Kind.DISPUTE: 1}
