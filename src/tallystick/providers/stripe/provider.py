"""Stripe as a Provider: one Checkout session a payment, and its signed events.

It retries nothing by itself: what is repeated, and under which key, payments decide.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Final

import structlog

from tallystick import ids
from tallystick.payments import Accepted, CallRefused, CallUnknown, Capabilities, Fact, Payment
from tallystick.providers.stripe import events, signature
from tallystick.providers.stripe.amounts import COLLECTS, to_stripe
from tallystick.webhooks import Event, EventMalformed

if TYPE_CHECKING:
    import stripe
    from stripe.params import EventListParams
    from stripe.params.checkout import SessionCreateParams

__all__ = ["API_VERSION", "Stripe"]

#: The version that the SDK 16.1 was generated for; an upgrade of either is a change of ours.
API_VERSION: Final = "2026-10-28.endive"

_CONNECT_TIMEOUT_S: Final = 3
_DAY_S: Final = 86_400
#: Objects of one page of a list: the most that Stripe gives.
_PAGE: Final = 100

log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Stripe:
    """Cards by Stripe Checkout. `public_url` is our fixed origin, for the way back."""

    secret_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    api_url: str
    public_url: str
    timeout_s: int = 10
    name: str = "stripe"

    @cached_property
    def capabilities(self) -> Capabilities:
        """Return what Stripe can do; keys may be pruned once they are a day old."""
        return Capabilities(
            collects=COLLECTS,
            queue_for_s=15 * 60,
            deadline_s=_CONNECT_TIMEOUT_S + self.timeout_s + 2,
            resend_same_key=True,
            key_life_s=_DAY_S,
        )

    def collect(self, payment: Payment, *, key: str) -> Accepted:
        """Open a Checkout session under our key; raise CallRefused or CallUnknown."""
        import stripe  # noqa: PLC0415 - heavy, and only the worker that calls needs it

        try:
            session = self._client.v1.checkout.sessions.create(
                _session(payment, self.public_url), {"idempotency_key": key}
            )
        except (stripe.InvalidRequestError, stripe.CardError) as refusal:
            code = refusal.code or "invalid_request"
            raise CallRefused(code, refusal.user_message or str(refusal)) from refusal
        except stripe.StripeError as trouble:
            raise CallUnknown(f"{type(trouble).__name__} {trouble.http_status or ''}") from trouble
        if not session.url:
            raise CallUnknown(f"Stripe's session {session.id} has no page.")
        return Accepted(session.id, session.url)

    def read(self, raw: bytes, headers: Mapping[str, str], now: datetime) -> Event:
        """Return a signed event; raise SignatureInvalid or EventMalformed."""
        given = headers.get("stripe-signature", "")
        signature.check(raw, given, secret=self.webhook_secret, now=now)
        return events.parse(raw)

    def events(self, since: datetime) -> Iterator[Event]:
        """Give all events that Stripe lists from then on, newest first; it keeps them 30 days.

        Raises stripe.StripeError where the list ends before its end. What is no event that we can
        read is left out, with a line in the log.
        """
        asked: EventListParams = {"created": {"gte": int(since.timestamp())}, "limit": _PAGE}
        for listed in self._client.v1.events.list(asked).auto_paging_iter():
            found = listed.to_dict(for_json=True)
            raw = json.dumps(found, sort_keys=True, separators=(",", ":")).encode()
            try:
                yield events.parse(raw)
            except EventMalformed as trouble:
                log.warning("stripe_event_malformed", external_id=listed.id, why=str(trouble))

    def interpret(self, event: Event) -> Fact | None:
        """Return what an event says about one of our payments."""
        return events.interpret(event)

    @cached_property
    def _client(self) -> stripe.StripeClient:
        import stripe  # noqa: PLC0415 - as in collect

        from tallystick.providers.stripe.transport import Transport  # noqa: PLC0415 - as above

        return stripe.StripeClient(
            self.secret_key,
            stripe_version=API_VERSION,
            base_addresses={"api": self.api_url},
            max_network_retries=0,
            http_client=Transport(deadline_s=self.timeout_s, connect_s=_CONNECT_TIMEOUT_S),
        )


def _session(payment: Payment, public_url: str) -> SessionCreateParams:
    shown = ids.show("pay", payment.id)
    page = f"{public_url.rstrip('/')}/payments/{shown}"
    metadata = {events.METADATA_KEY: shown}
    return {
        "mode": "payment",
        "client_reference_id": shown,
        "success_url": f"{page}?back=success",
        "cancel_url": f"{page}?back=cancel",
        "metadata": metadata,
        "payment_intent_data": {"metadata": metadata},
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": payment.amount.currency.code.lower(),
                    "unit_amount": to_stripe(payment.amount),
                    "product_data": {"name": "Wallet top-up"},
                },
            }
        ],
    }
