"""A payment in plain words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tallystick import ids
from tallystick.money import Currency, Money
from tallystick.payments import Payment, PaymentState, Step
from tallystick.web.pages import words

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PAYMENT = Payment(
    id=ids.new(),
    owner="person:1",
    wallet_id=ids.new(),
    amount=Money(150_000, Currency("KES")),
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
    refunded=Money(0, Currency("KES")),
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
        assert "do not pay a second time" in told.text

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


class TestStations:
    @pytest.mark.parametrize(
        ("state", "past", "marks"),
        [
            (PaymentState.CREATED, [], ["done", "now", "ahead"]),
            (PaymentState.SENDING, [], ["done", "now", "ahead"]),
            (PaymentState.SUBMITTED, [PaymentState.SUBMITTED], ["done", "done", "now"]),
            (PaymentState.UNKNOWN, [], ["done", "done", "now"]),
            (PaymentState.SETTLED, [PaymentState.SUBMITTED], ["done", "done", "done"]),
            (PaymentState.FAILED, [], ["done", "ahead", "stopped"]),
            (PaymentState.EXPIRED, [], ["done", "ahead", "stopped"]),
            (PaymentState.EXPIRED, [PaymentState.SUBMITTED], ["done", "done", "stopped"]),
        ],
    )
    def test_marks_how_far_it_came(self, state, past, marks):
        steps = [Step(one, "", NOW) for one in past]
        way = words.stations(replace(PAYMENT, state=state), steps)
        assert [station.mark for station in way] == marks


class TestEntryTitle:
    def test_names_kinds_that_have_no_words_of_their_own(self):
        assert words.entry_title("top_up") == "Top-up by card"
        assert words.entry_title("hold_release") == "Hold release"
