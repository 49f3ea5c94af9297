"""A payment in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from tallystick import ids
from tallystick.money import Currency, Money
from tallystick.payments import File, Payment, PaymentState, Step
from tallystick.payments.model import TERMINAL
from tallystick.web.pages import words

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KES = Currency("KES")
PAYMENT = Payment(
    id=ids.new(),
    owner="person:1",
    wallet_id=ids.new(),
    amount=Money(150_000, KES),
    provider="stripe",
    state=PaymentState.CREATED,
    reference=None,
    action_url=None,
    failure_code=None,
    failure_detail=None,
    posting_id=None,
    request_id="",
    fingerprint=b"",
    expires_at=NOW + timedelta(minutes=15),
    created_at=NOW,
    updated_at=NOW,
    settled_at=None,
    collected_reference=None,
    refunded=Money(0, KES),
    waiting_since=None,
    look_at=None,
)
SUBMITTED = replace(PAYMENT, state=PaymentState.SUBMITTED, action_url="https://pay.example/1")


class TestTell:
    @pytest.mark.parametrize("state", list(PaymentState))
    def test_has_words_for_every_state(self, state):
        told = words.tell(replace(PAYMENT, state=state))
        assert told.badge
        assert told.headline
        assert "{" not in told.headline + told.text

    @pytest.mark.parametrize(
        "state", [PaymentState.FAILED, PaymentState.EXPIRED, PaymentState.CANCELLED]
    )
    def test_says_that_nothing_was_taken(self, state):
        assert words.tell(replace(PAYMENT, state=state)).text == "Nothing was taken."

    def test_never_calls_an_unknown_outcome_failed(self):
        told = words.tell(replace(PAYMENT, state=PaymentState.UNKNOWN))
        assert told.tone == "wait"
        assert "do not pay again" in told.text
        assert told.act == ""

    @pytest.mark.parametrize(
        ("back", "failure", "badge"),
        [
            ("", None, "To be paid"),
            ("success", None, "Confirming"),
            ("cancel", None, "To be paid"),
            ("cancel", "card_declined", "Card refused"),
            ("", "card_declined", "Card refused"),
            ("success", "card_declined", "Confirming"),
        ],
    )
    def test_knows_how_the_person_came_back(self, back, failure, badge):
        assert words.tell(replace(SUBMITTED, failure_code=failure), back=back).badge == badge

    def test_forgets_the_way_back_once_the_money_is_there(self):
        settled = replace(SUBMITTED, state=PaymentState.SETTLED, settled_at=NOW)
        assert words.tell(settled, back="cancel").tone == "good"


def file(state: PaymentState, past: Sequence[PaymentState | Step] = (), **change: Any) -> File:
    """Return a payment's file with the steps that led to where it stands."""
    steps = [one if isinstance(one, Step) else Step(one, "", NOW) for one in past]
    lists = ("refunds", "disputes", "collections", "news", "tries", "reviews")
    empty: dict[str, Any] = {name: [] for name in lists}
    return File(payment=replace(PAYMENT, state=state), steps=steps, **{**empty, **change})


class TestTellFile:
    def test_tells_who_waits_in_the_queue_until_when(self):
        waiting = file(PaymentState.CREATED, [Step(PaymentState.CREATED, "away", NOW)])
        told = words.tell_file(waiting, now=NOW)
        assert told.badge == "Queued"
        expected = timezone.localtime(PAYMENT.expires_at)
        assert f"until {expected:%H:%M}." in told.text
        tomorrow = words.tell_file(waiting, now=NOW - timedelta(days=1))
        assert f"until {expected:%A %H:%M}." in tomorrow.text

    @pytest.mark.parametrize(
        ("past", "said"),
        [([PaymentState.SENDING, PaymentState.SUBMITTED], "ran out"), ([], "could not be reached")],
    )
    def test_tells_what_was_never_sent_from_what_nobody_paid(self, past, said):
        told = words.tell_file(file(PaymentState.EXPIRED, past), now=NOW)
        assert said in told.headline
        assert told.act == "again"

    @pytest.mark.parametrize("state", list(PaymentState))
    def test_leaves_no_gap_and_never_says_failed(self, state):
        told = words.tell_file(file(state), now=NOW)
        assert "{" not in told.headline + told.text
        assert "failed" not in (told.headline + told.text).lower()


class TestStations:
    @pytest.mark.parametrize(
        ("state", "past", "marks"),
        [
            (PaymentState.CREATED, [], ["done", "now", "ahead"]),
            (PaymentState.SENDING, [], ["done", "now", "ahead"]),
            (PaymentState.SUBMITTED, [PaymentState.SUBMITTED], ["done", "done", "now"]),
            (PaymentState.UNKNOWN, [PaymentState.UNKNOWN], ["done", "now", "ahead"]),
            (
                PaymentState.REVIEW,
                [PaymentState.UNKNOWN, PaymentState.REVIEW],
                ["done", "done", "now", "ahead"],
            ),
            (PaymentState.SETTLED, [PaymentState.SUBMITTED], ["done", "done", "done"]),
            (PaymentState.FAILED, [], ["done", "stopped"]),
            (PaymentState.EXPIRED, [], ["done", "stopped"]),
            (PaymentState.EXPIRED, [PaymentState.SUBMITTED], ["done", "done", "stopped"]),
        ],
    )
    def test_mark_how_far_it_came(self, state, past, marks):
        way = words.stations(file(state, past), now=NOW)
        assert [station.mark for station in way] == marks

    def test_tell_each_card_that_was_refused(self):
        submitted = PaymentState.SUBMITTED
        notes = [Step(submitted, said, NOW) for said in ("", "No money.", "Stolen.")]
        way = words.stations(file(submitted, notes), now=NOW)
        told = [(one.mark, one.note) for one in way if one.icon == "card"]
        assert told == [("stopped", "No money."), ("stopped", "Stolen.")]

    def test_stand_one_at_a_time_where_it_is(self):
        for state in PaymentState:
            way = words.stations(file(state, [state]), now=NOW)
            assert [one.mark for one in way].count("now") == (state not in TERMINAL), state


class TestEntryTitle:
    def test_names_kinds_that_have_no_words_of_their_own(self):
        assert words.entry_title("top_up") == "Top-up by card"
        assert words.entry_title("hold_release") == "Hold release"
