"""Stripe through our transport: whatever the line or the answer is like, the SDK says so."""

from __future__ import annotations

import pytest
import stripe as sdk

from factories.answers import ATTEMPT, SESSION, answer, payment, provider
from tallystick.payments import CallRefused, CallUnknown


class TestCollect:
    def test_sends_one_post_under_our_key(self, peer):
        taken = peer(lambda talk: talk.send(answer(200, SESSION, b"Request-Id: req_1")))
        stripe = provider(taken)
        for _ in range(3):
            accepted = stripe.collect(payment(), attempt=ATTEMPT)
            assert accepted.reference == "cs_1"
        assert len(taken.requests) == 3
        assert taken.lines == 1
        assert all(one.startswith(b"POST /v1/checkout/sessions ") for one in taken.requests)
        assert all(b"Idempotency-Key: key-1\r\n" in request for request in taken.requests)
        assert all(b"Authorization: Bearer sk_test_unit\r\n" in one for one in taken.requests)
        assert b"line_items[0][price_data][unit_amount]=150000" in taken.requests[0].replace(
            b"%5B", b"["
        ).replace(b"%5D", b"]")

    def test_takes_a_refusal_for_one(self, peer):
        body = b'{"error": {"type": "invalid_request_error", "code": "bad", "message": "No."}}'
        taken = peer(lambda talk: talk.send(answer(400, body)))
        with pytest.raises(CallRefused, match="No") as refusal:
            provider(taken).collect(payment(), attempt=ATTEMPT)
        assert refusal.value.code == "bad"

    @pytest.mark.parametrize(
        "sent",
        [
            answer(200, b"<html>Welcome</html>", b"Content-Type: text/html"),
            answer(200, SESSION[:-20]),
            answer(200, b""),
            answer(200, b"\xff\xfe\xfd"),
            answer(200, b"[]"),
            answer(200, b"null"),
            answer(200, b"7"),
            answer(200, SESSION[:-1] + b', "url": "https://evil.example/"}'),
            answer(200, SESSION[:-1] + b', "amount_total": NaN}'),
            answer(200, b"[" * 100_000),
            answer(400, b"[]"),
            answer(400, b'{"error": 7}'),
            answer(302, b"", b"Location: http://127.0.0.1:9/"),
            answer(500, b"{}"),
            answer(503, b"down"),
            answer(429, b'{"error": {"message": "slow down"}}', b"Retry-After: 3"),
            answer(200, b"x" * 2_000_000),
            answer(200, SESSION)[:40],
            b"not HTTP at all\r\n\r\n",
        ],
    )
    def test_says_unknown_to_all_else_and_calls_once(self, peer, sent):
        def once(talk):
            talk.send(sent)
            talk.end()

        taken = peer(once)
        with pytest.raises(CallUnknown):
            provider(taken).collect(payment(), attempt=ATTEMPT)
        assert len(taken.requests) == 1

    def test_says_unknown_at_the_deadline(self, peer):
        def drip(talk):
            talk.send(answer(200, SESSION)[:30])
            talk.drip(b"x" * 1000)

        taken = peer(drip)
        with pytest.raises(CallUnknown, match="APIConnectionError"):
            provider(taken, timeout_s=1).collect(payment(), attempt=ATTEMPT)
        assert len(taken.requests) == 1


class TestTransport:
    def test_is_what_the_sdk_calls_with(self, peer):
        taken = peer(lambda talk: talk.reset())
        with pytest.raises(sdk.APIConnectionError):
            provider(taken)._client.v1.checkout.sessions.retrieve("cs_1")

    def test_reads_nothing_piece_by_piece(self, peer):
        taken = peer(lambda talk: talk.reset())
        client = provider(taken)._client
        with pytest.raises(NotImplementedError):
            client._requestor._client.request_stream("GET", taken.url, {})
