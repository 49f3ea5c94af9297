"""Stripe's signature: what is not signed by the secret, near to now, is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import stripe

from tallystick.providers.stripe import signature
from tallystick.webhooks import SignatureInvalid

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
STAMP = int(NOW.timestamp())
BODY = '{"id": "evt_1", "name": "Wanjikũ"}'
SECRET = "whsec_test"


def signed(body: str = BODY, *, secret: str = SECRET, stamp: int = STAMP) -> str:
    return stripe.WebhookSignature.generate_signature_header(body, secret, stamp)


def check(header: str, *, body: bytes = BODY.encode(), now: datetime = NOW) -> None:
    signature.check(body, header, secret=SECRET, now=now)


class TestCheck:
    def test_takes_what_the_sdk_signs(self):
        assert check(signed()) is None

    def test_takes_one_good_signature_of_several(self):
        good = signed()
        assert check(f"t={STAMP},v1={'0' * 64},{good.split(',')[1]}") is None

    @pytest.mark.parametrize("seconds", [-301, 301, 31_536_000])
    def test_refuses_a_stamp_far_from_now_on_both_sides(self, seconds):
        with pytest.raises(SignatureInvalid):
            check(signed(stamp=STAMP + seconds))

    @pytest.mark.parametrize("seconds", [-299, 299])
    def test_takes_a_stamp_within_the_tolerance(self, seconds):
        assert check(signed(), now=NOW + timedelta(seconds=seconds)) is None

    def test_refuses_another_secret(self):
        with pytest.raises(SignatureInvalid):
            check(signed(secret="whsec_other"))

    @pytest.mark.parametrize("body", [b"", b"{}", BODY.encode() + b" ", b"\xff\xfe"])
    def test_refuses_another_body(self, body):
        with pytest.raises(SignatureInvalid):
            check(signed(), body=body)

    @pytest.mark.parametrize(
        "header",
        [
            "",
            "t=",
            f"t={STAMP}",
            "v1=00",
            f"t={STAMP},v0=" + "0" * 64,
            f"t={STAMP},t={STAMP}," + signed().split(",")[1],
            "t=nan,v1=00",
            "t=-1,v1=00",
            "t=²,v1=00",
            f"t={STAMP},v1=ü",
            f"t={STAMP},v1=" + "0" * 5000,
            "t=" + "9" * 400 + ",v1=00",
            ",,,===",
        ],
    )
    def test_refuses_a_malformed_header(self, header):
        with pytest.raises(SignatureInvalid):
            check(header)
