"""Pure decisions about payments: the way between states, when to look, where money goes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.money import Currency, Money
from tallystick.payments import (
    Collection,
    CollectionKind,
    MoveForbidden,
    Payment,
    Standing,
    rules,
)
from tallystick.payments import PaymentState as S
from tallystick.payments.provider import Paid
from tallystick.payments.rules import Route

KES = Currency("KES")
NOW = datetime(2026, 11, 23, tzinfo=UTC)
THREE_DAYS_S = 72 * 3_600


def payment(state: S, **change) -> Payment:
    plain = {
        "id": UUID(int=1),
        "owner": "person:1",
        "wallet_id": UUID(int=2),
        "amount": Money(500, KES),
        "provider": "stripe",
        "state": state,
        "reference": "cs_1",
        "action_url": "http://127.0.0.1/pay",
        "failure_code": None,
        "failure_detail": None,
        "posting_id": None,
        "request_id": "",
        "fingerprint": b"",
        "expires_at": NOW + timedelta(minutes=15),
        "created_at": NOW,
        "updated_at": NOW,
        "settled_at": None,
        "collected_reference": None,
        "refunded": Money(0, KES),
        "waiting_since": None,
        "look_at": None,
    }
    return Payment(**{**plain, **change})


class TestPath:
    @given(st.sampled_from(S), st.sampled_from(S))
    def test_goes_along_the_state_table_or_nowhere(self, before, after):
        try:
            way = rules.path(before, after)
        except MoveForbidden:
            assert after not in rules.ALLOWED[before]
            return
        places = [before, *way]
        assert places[-1] is after
        for here, there in pairwise(places):
            assert there in rules.ALLOWED[here]

    def test_of_money_that_came_before_our_record_is_the_shortest(self):
        assert rules.path(S.CREATED, S.SETTLED) == (S.SENDING, S.SETTLED)
        assert rules.path(S.SUBMITTED, S.REVIEW) == (S.UNKNOWN, S.REVIEW)

    @pytest.mark.parametrize("ended", [S.SETTLED, S.FAILED, S.EXPIRED, S.CANCELLED, S.DECLINED])
    def test_leads_nowhere_from_an_end(self, ended):
        for after in set(S) - {ended}:
            with pytest.raises(MoveForbidden):
                rules.path(ended, after)


class TestLookAt:
    @pytest.mark.parametrize(
        ("waited_s", "next_s"),
        [
            (0, 5), (5, 10), (10, 20), (20, 40), (40, 60), (61, 120), (14 * 60, 15 * 60),
            (15 * 60, 20 * 60), (2 * 3_600 - 1, 2 * 3_600), (2 * 3_600, 3 * 3_600),
            (THREE_DAYS_S - 1, THREE_DAYS_S),
        ],
    )  # fmt: skip
    def test_is_as_designed(self, waited_s, next_s):
        found = rules.look_at(NOW, NOW + timedelta(seconds=waited_s))
        assert found == NOW + timedelta(seconds=next_s)

    @given(st.integers(0, 10**7))
    def test_is_later_than_now_or_over_after_three_days(self, waited_s):
        now = NOW + timedelta(seconds=waited_s)
        found = rules.look_at(NOW, now)
        assert (found is None) == (waited_s >= THREE_DAYS_S)
        assert found is None or now < found <= now + timedelta(hours=1)

    def test_is_asked_about_a_hundred_and_fifteen_times_in_all(self):
        looks, now = 0, NOW
        while (following := rules.look_at(NOW, now)) is not None:
            looks, now = looks + 1, following
        assert looks == 4 + 14 + 21 + 71


class TestMoved:
    @given(st.sampled_from(S), st.sampled_from(S), st.integers(0, THREE_DAYS_S * 2))
    def test_awaits_the_provider_exactly_while_it_may_tell(self, before, after, waited_s):
        if after not in rules.ALLOWED[before]:
            return
        now = NOW + timedelta(seconds=waited_s)
        moved = rules.moved(payment(before, waiting_since=NOW), after, now=now)
        awaits = after in {S.SENDING, S.SUBMITTED, S.UNKNOWN}
        assert (moved.look_at is not None) == awaits
        assert moved.look_at is None or moved.look_at >= now
        assert (moved.action_url is None) == (after is not S.SUBMITTED)


class TestRoute:
    def paid(self, **change) -> Paid:
        told = {"payment_id": "pay", "reference": "cs_1", "amount": Money(500, KES)}
        return Paid(**{**told, "occurred_at": NOW, **change})

    @pytest.mark.parametrize("is_confirmed", [False, True])
    @pytest.mark.parametrize(
        ("state", "fact", "route"),
        [
            (S.CREATED, {}, Route.SETTLE),
            (S.SENDING, {}, Route.SETTLE),
            (S.SUBMITTED, {}, Route.SETTLE),
            (S.UNKNOWN, {}, Route.SETTLE),
            (S.REVIEW, {}, Route.SETTLE),
            (S.EXPIRED, {}, Route.LATE),
            (S.FAILED, {}, Route.LATE),
            (S.CANCELLED, {}, Route.LATE),
            (S.SETTLED, {}, Route.NOWHERE),
            (S.SETTLED, {"reference": "cs_2"}, Route.TWICE),
            (S.SUBMITTED, {"amount": Money(499, KES)}, Route.OTHER_AMOUNT),
            (S.EXPIRED, {"amount": Money(501, KES)}, Route.OTHER_AMOUNT),
        ],
    )
    def test_leads_to_the_wallet_only_what_was_asked(self, state, fact, route, is_confirmed):
        standing = Standing(payment(state), {}, {}, frozenset(), {})
        found = rules.route(standing, self.paid(**fact), is_confirmed=is_confirmed)
        if route is Route.OTHER_AMOUNT and not is_confirmed:
            route = Route.ASK
        assert found is route

    def kept(self, reference: str, kind: CollectionKind) -> Collection:
        return Collection(
            id=UUID(int=9),
            payment_id=UUID(int=1),
            provider="stripe",
            reference=reference,
            collected_reference=None,
            kind=kind,
            amount=Money(500, KES),
            is_suspended=kind not in {CollectionKind.SETTLED, CollectionKind.LATE},
            posting_id=UUID(int=8),
            occurred_at=NOW,
            created_at=NOW,
        )

    @given(st.sampled_from(S), st.sampled_from(CollectionKind), st.booleans())
    def test_books_nothing_that_is_booked(self, state, kind, is_confirmed):
        standing = Standing(payment(state), {}, {}, frozenset(), {"cs_1": self.kept("cs_1", kind)})
        assert rules.route(standing, self.paid(), is_confirmed=is_confirmed) is Route.NOWHERE

    @given(st.sampled_from(S), st.booleans())
    def test_brings_the_wallet_money_once_a_payment(self, state, is_confirmed):
        kept = {"cs_2": self.kept("cs_2", CollectionKind.LATE)}
        paid_before = payment(state, reference="cs_0")
        standing = Standing(paid_before, {}, {}, frozenset(), kept)
        assert rules.route(standing, self.paid(), is_confirmed=is_confirmed) is Route.TWICE
