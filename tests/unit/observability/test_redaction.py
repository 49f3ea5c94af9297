"""What never stands in a log."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.observability import redact, redaction
from tallystick.observability.redaction import redact_event

CARD = "4242424242424242"
#: What secrets are made of, and what stands round them.
_PIECES = st.sampled_from(
    [
        *(
            "4242",
            "4242424242424242",
            "5",
            "-",
            " ",
            "_",
            "/",
            ":",
            "@",
            "\n",
            "\xa0",
            "\t",
            "é",
            "x",
        ),
        *(
            "sk_test",
            "tsk_",
            "whsec_",
            "Bearer",
            "Basic",
            "abcdefgh",
            "postgresql://",
            "://",
            "a:b",
        ),
        *("/new-password/", "/Verify-Email/", "done", "?", "٤", "-4242"),
    ]
)


class TestRedact:
    @pytest.mark.parametrize(
        "name",
        [
            "password",
            "new_password1",
            "Authorization",
            "secret_key",
            "Cookie",
            "csrf_token",
            "stripe_api_key",
            "sessionid",
            "card_number",
            "cvc",
            "Stripe-Signature",
        ],
    )
    def test_masks_by_name_at_any_depth(self, name: str) -> None:
        shown = redact({"outer": [{"inner": {name: "hunter2"}}]})
        assert "hunter2" not in repr(shown)

    @pytest.mark.parametrize(
        "text",
        [
            CARD,
            "4242 4242 4242 4242",
            "paid with 4242-4242-4242-4242.",
            "378282246310005",
            "key sk_test_4eC39HqLyjWDarjtT1zdp7dc",
            "whsec_abcdefgh12345678",
            "Bearer tsk_abcdefghijkl",
            "postgresql://app:hunter2@db/tallystick",
        ],
    )
    def test_masks_by_shape_in_any_text(self, text: str) -> None:
        shown = repr(redact({"note": [text], text: 1}["note"]))
        assert "[redacted]" in shown
        for secret in (CARD, "4242 4242", "378282246310005", "4eC39", "abcdefgh", "hunter2"):
            assert secret not in shown

    @pytest.mark.parametrize("word", ["new-password", "verify-email"])
    def test_cuts_the_key_out_of_an_address_in_a_letter(self, word: str) -> None:
        text = (
            f"Forbidden: https://place.example/{word}/2c-d3aaaa:x_y?back=1 for <GET '/{word}/k-1'>"
        )
        cut = (
            f"Forbidden: https://place.example/{word}/[redacted]?back=1"
            f" for <GET '/{word}/[redacted]'>"
        )
        assert redact(text) == cut
        assert redact(f"/{word}") == f"/{word}"

    def test_masks_a_card_number_that_is_an_integer(self) -> None:
        assert redact(int(CARD)) == "[redacted]"

    @pytest.mark.parametrize(
        "value",
        [
            "4242424242424241",
            1_732_392_000_123,
            "0190c3b2-7f4e-7123-8123-123456789012",
            1500,
            None,
            True,
            "KES 15.00",
        ],
    )
    def test_leaves_what_is_no_secret(self, value: object) -> None:
        assert redact(value) == value

    def test_shows_no_bytes(self) -> None:
        assert redact(b"hunter2") == "[7 bytes]"

    def test_keeps_a_value_on_one_line(self) -> None:
        assert redact("a\r\nb\x1b[31m\u2028") == "a\\r\\nb\\x1b[31m\\u2028"

    def test_ends_in_a_value_that_contains_itself(self) -> None:
        endless: list[object] = []
        endless.append(endless)
        assert "[redacted]" in repr(redact(endless))

    @given(st.lists(_PIECES, max_size=12).map("".join))
    def test_lets_nothing_pass_that_a_slow_look_would_mask(self, text: str) -> None:
        masked = redaction._mask_shapes(text)
        assert redact(text) == redaction._CONTROL.sub(redaction._shown, masked)


class TestRedactEvent:
    def test_masks_inside_a_traceback_and_keeps_its_lines(self) -> None:
        event = redact_event(
            None, "error", {"event": "x", "exception": f"line\nValueError: {CARD}"}
        )
        assert event["exception"] == "line\nValueError: [redacted]"
