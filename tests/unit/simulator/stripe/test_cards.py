"""The test cards do what Stripe's do, and no number survives."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from tallystick.simulator.stripe.cards import SHOWN, CardUnreadable, read


class TestRead:
    @pytest.mark.parametrize(
        ("number", "code", "decline_code"),
        [
            ("4000 0000 0000 0002", "card_declined", "generic_decline"),
            ("4000 0000 0000 9995", "card_declined", "insufficient_funds"),
            ("4000-0000-0000-0069", "expired_card", None),
            ("4000000000000127", "incorrect_cvc", None),
            ("4000000000000119", "processing_error", None),
            ("4111 1111 1111 1111", "card_declined", "test_mode_live_card"),
        ],
    )
    def test_declines_as_stripe_does(
        self, number: str, code: str, decline_code: str | None
    ) -> None:
        decline = read(number).decline
        assert decline is not None
        assert (decline.code, decline.decline_code) == (code, decline_code)

    @pytest.mark.parametrize(
        "number", ["4242 4242 4242 4242", "5555555555554444", "378282246310005"]
    )
    def test_accepts_as_stripe_does(self, number: str) -> None:
        card = read(number)
        assert (card.decline, card.needs_authentication) == (None, False)
        assert number.replace(" ", "")[-4:] == card.last4

    def test_asks_for_authentication(self) -> None:
        assert read("4000 0025 0000 3155").needs_authentication

    @pytest.mark.parametrize(
        "number", ["", "4242", "4242424242424241", "4242 4242 4242 424a", "٤" * 16, "4" * 20]
    )
    def test_refuses_what_is_no_number(self, number: str) -> None:
        with pytest.raises(CardUnreadable):
            read(number)

    def test_keeps_the_last_four_digits_alone(self) -> None:
        for number, _ in SHOWN.values():
            plain = number.replace(" ", "")
            assert plain[:8] not in str(asdict(read(number)))
