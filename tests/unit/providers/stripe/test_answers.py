"""Stripe's answers that are lies, or true and odd: each is checked, or unknown."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from factories.answers import (
    ATTEMPT,
    NOW,
    answer,
    listing,
    made_refund,
    payment,
    provider,
    refund,
    says,
    session,
)
from tallystick import ids
from tallystick.money import Currency, Money
from tallystick.payments import Accepted, CallRefused, CallUnknown, Expired, Paid, RefundStatus
from tallystick.providers.stripe import provider as room

SENT = payment(reference="cs_1", collected_reference="pi_1")
LOST = payment(collected_reference="pi_1")
CALLS = {
    "collect": lambda stripe: stripe.collect(LOST, attempt=ATTEMPT),
    "refund": lambda stripe: stripe.refund(refund(), SENT, attempt=ATTEMPT),
    "look_up": lambda stripe: stripe.look_up(SENT),
    "search": lambda stripe: stripe.look_up(LOST),
    "look_up_refund": lambda stripe: stripe.look_up_refund(refund(reference="re_1"), SENT),
    "search_refund": lambda stripe: stripe.look_up_refund(refund(), SENT),
    "trace": lambda stripe: stripe.trace("pi_1"),
    "events": lambda stripe: list(stripe.events(NOW, NOW + timedelta(hours=1))),
}


def told(peer, *answers):
    """Return Stripe that gives these answers in turn, and the last one again and again."""
    rest = list(answers)
    return provider(peer(says(lambda _: rest.pop(0) if len(rest) > 1 else rest[0])))


class TestEveryCall:
    @pytest.mark.parametrize("call", CALLS)
    @pytest.mark.parametrize(
        "odd",
        [
            {},
            {"object": 7},
            {"object": "list", "data": [7], "has_more": False},
            {"object": "list", "data": None, "has_more": False},
            {"object": "list", "data": [], "has_more": True},
            {"object": "list", "data": [{"object": "event"}], "has_more": True},
            {"object": "list", "data": [{"id": "x"}], "has_more": "yes"},
            {"id": "x", "metadata": 7, "object": "checkout.session"},
            {"object": "list", "data": {"id": "x"}},
        ],
    )
    def test_says_unknown_to_what_is_no_answer(self, peer, call, odd):
        with pytest.raises(CallUnknown):
            CALLS[call](told(peer, odd))

    @pytest.mark.parametrize("call", ["collect", "refund", "look_up", "search", "look_up_refund"])
    @pytest.mark.parametrize(
        "odd",
        [
            {"currency": "zzz"},
            {"currency": "ugx", "amount_total": 150_001, "amount": 150_001},
            {"amount_total": None, "amount": None},
            {"created": 2**60},
            {"status": 7},
        ],
    )
    def test_says_unknown_to_money_that_is_none(self, peer, call, odd):
        makes = made_refund if "refund" in call else session
        one = makes(**odd)
        with pytest.raises(CallUnknown):
            CALLS[call](told(peer, listing(one) if call == "search" else one))

    @pytest.mark.parametrize("call", CALLS)
    @pytest.mark.parametrize(
        "error", [{"code": 7, "message": ["x"]}, {"code": None}, {"code": "n\0", "message": "\0"}]
    )
    def test_takes_a_refusal_that_says_nothing_for_a_refusal_or_unknown(self, peer, call, error):
        body = json.dumps({"error": {"type": "invalid_request_error", **error}}).encode()
        stripe = provider(peer(lambda talk: talk.send(answer(400, body))))
        kind = CallRefused if call in {"collect", "refund"} else CallUnknown
        with pytest.raises(kind):
            CALLS[call](stripe)


class TestRefund:
    def test_is_what_was_asked_for(self, peer):
        made = CALLS["refund"](told(peer, made_refund()))
        assert (made.reference, made.amount.minor) == ("re_1", 40_000)

    @pytest.mark.parametrize(
        "lie",
        [
            {"amount": 30_000},
            {"currency": "usd"},
            {"payment_intent": "pi_of_somebody_else"},
            {"payment_intent": None},
            {"metadata": None},
            {"metadata": {"tallystick_refund": ids.show("ref", UUID(int=11))}},
        ],
    )
    def test_of_anything_else_is_unknown(self, peer, lie):
        with pytest.raises(CallUnknown):
            CALLS["refund"](told(peer, made_refund(**lie)))


class TestLookUpRefund:
    @pytest.mark.parametrize("call", ["look_up_refund", "search_refund"])
    def test_of_another_amount_is_returned_as_it_is(self, peer, call):
        one = made_refund(amount=30_000)
        found = CALLS[call](told(peer, one if call == "look_up_refund" else listing(one)))
        assert found.amount == Money(30_000, Currency("KES"))

    @pytest.mark.parametrize("call", ["look_up_refund", "search_refund"])
    def test_of_other_money_is_unknown(self, peer, call):
        one = made_refund(payment_intent="pi_of_somebody_else")
        with pytest.raises(CallUnknown):
            CALLS[call](told(peer, one if call == "look_up_refund" else listing(one)))

    def test_that_is_another_of_ours_is_unknown(self, peer):
        other = {"tallystick_refund": ids.show("ref", UUID(int=11))}
        with pytest.raises(CallUnknown):
            CALLS["look_up_refund"](told(peer, made_refund(metadata=other)))

    def test_skips_those_of_others_and_takes_the_one_that_succeeded(self, peer):
        odd = {"id": "re_odd", "metadata": None, "status": "new_word"}
        failed = made_refund(id="re_0", status="failed")
        found = CALLS["search_refund"](told(peer, listing(odd, failed, made_refund())))
        assert (found.reference, found.status) == ("re_1", RefundStatus.SUCCEEDED)


class TestSearch:
    @pytest.mark.parametrize(
        "other",
        [
            {"mode": "setup", "amount_total": None, "currency": None, "metadata": {}},
            {"metadata": None},
            {"metadata": {"tallystick_payment": ids.show("pay", UUID(int=1))}, "currency": None},
            {"mode": "subscription", "payment_status": "no_payment_required"},
        ],
    )
    def test_skips_sessions_of_others(self, peer, other):
        found = CALLS["search"](told(peer, listing(session(id="cs_o", **other), session())))
        assert isinstance(found, Paid)

    def test_is_for_a_false_id_too(self, peer):
        stranger = session(id="cs_1", metadata={})
        found = CALLS["look_up"](told(peer, stranger, listing(session(id="cs_ours"))))
        assert found.reference == "cs_ours"

    @pytest.mark.parametrize("places", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
    def test_takes_the_paid_one_before_the_open_one_before_the_expired(self, peer, places):
        ours = [
            session(id="cs_e", status="expired", payment_status="unpaid"),
            session(id="cs_o", status="open", payment_status="unpaid"),
            session(id="cs_p"),
        ]
        mixed = [ours[place] for place in places]
        assert CALLS["search"](told(peer, listing(*mixed))).reference == "cs_p"
        rest = [one for one in mixed if one["id"] != "cs_p"]
        assert isinstance(CALLS["search"](told(peer, listing(*rest))), Accepted)
        assert isinstance(CALLS["search"](told(peer, listing(ours[0]))), Expired)
        assert CALLS["search"](told(peer, listing())) is None

    def test_asks_for_five_pages_of_a_span_and_never_says_none_then(self, peer):
        others = [session(id=f"cs_{number}", metadata={}) for number in range(100)]
        taken = peer(says(lambda _: listing(*others, has_more=True)))
        with pytest.raises(CallUnknown, match="too many"):
            provider(taken).look_up(LOST)
        assert len(taken.requests) == 5
        assert b"starting_after=cs_99" in taken.requests[-1]

    def test_asks_for_the_whole_time_in_which_it_may_have_been_made(self, peer):
        taken = peer(says(lambda _: listing()))
        assert provider(taken).look_up(LOST) is None
        asked = [request.partition(b"\r\n")[0].decode() for request in taken.requests]
        moments = [NOW + timedelta(minutes=minutes) for minutes in (-5, 20, 120, 1_440)]
        for line, begin, end in zip(asked, moments, moments[1:], strict=False):
            plain = line.replace("%5B", "[").replace("%5D", "]")
            assert f"created[gte]={int(begin.timestamp())}" in plain
            assert f"created[lt]={int(end.timestamp())}" in plain
        assert len(asked) == 3


class TestTrace:
    @pytest.mark.parametrize("word", ["order-17", "pay_x", "", "ref_" + "0" * 26, "pay_\0"])
    def test_of_a_foreign_word_is_nobody_s(self, peer, word):
        intent = {"id": "pi_1", "metadata": {"tallystick_payment": word}}
        assert CALLS["trace"](told(peer, intent)) is None

    def test_of_ours_is_ours(self, peer):
        shown = ids.show("pay", UUID(int=7))
        intent = {"id": "pi_1", "metadata": {"tallystick_payment": shown}}
        assert CALLS["trace"](told(peer, intent)) == shown


class TestEvents:
    def event(self, number: int) -> dict[str, object]:
        return {
            "id": f"evt_{number}",
            "object": "event",
            "type": "a.b",
            "created": 1_790_000_000,
            "data": {"object": {}},
        }

    def test_are_of_the_span_alone(self, peer):
        taken = peer(says(lambda _: listing(self.event(1), {"id": "evt_odd"})))
        since = datetime(2026, 1, 1, tzinfo=UTC)
        found = list(provider(taken).events(since, since + timedelta(hours=1)))
        assert [event.external_id for event in found] == ["evt_1"]
        line = taken.requests[0].decode().replace("%5B", "[").replace("%5D", "]")
        assert f"created[gte]={int(since.timestamp())}" in line
        assert f"created[lt]={int(since.timestamp()) + 3_600}" in line

    def test_are_held_a_page_at_a_time(self, peer):
        many = [self.event(number) for number in range(100)]
        taken = peer(says(lambda _: listing(*many, has_more=True)))
        rest = iter(provider(taken).events(NOW, NOW + timedelta(hours=1)))
        for _ in range(150):
            next(rest)
        assert len(taken.requests) == 2

    def test_of_a_list_without_end_end(self, peer, monkeypatch):
        monkeypatch.setattr(room, "_EVENT_PAGES_MAX", 7)
        taken = peer(says(lambda _: listing(self.event(1), has_more=True)))
        with pytest.raises(CallUnknown, match="too many"):
            list(provider(taken).events(NOW, NOW + timedelta(hours=1)))
        assert len(taken.requests) == 7
