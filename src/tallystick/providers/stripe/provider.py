"""Stripe as a Provider: one Checkout session a payment, its refunds, and its signed events.

It retries nothing by itself: what is repeated, and under which key, payments decide.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

import structlog
from pydantic import ValidationError

from tallystick import ids
from tallystick.money import MoneyMalformed
from tallystick.payments import (
    Accepted,
    Attempt,
    CallRefused,
    CallUnknown,
    Capabilities,
    Expired,
    Fact,
    Operation,
    Paid,
    Payment,
    Reason,
    Refund,
    RefundReported,
)
from tallystick.providers.stripe import events, signature
from tallystick.providers.stripe.amounts import COLLECTS, to_stripe
from tallystick.providers.stripe.objects import (
    PAYMENT_KEY,
    REFUND_KEY,
    Intent,
    RefundObject,
    Session,
)
from tallystick.providers.stripe.refusals import sentence_of
from tallystick.webhooks import Event, EventMalformed

if TYPE_CHECKING:
    import stripe
    from stripe.params import EventListParams, RefundCreateParams
    from stripe.params.checkout import SessionCreateParams

__all__ = ["API_VERSION", "Stripe"]

#: The version that the SDK 16.1 was generated for; an upgrade of either is a change of ours.
API_VERSION: Final = "2026-10-28.endive"

#: How secrets of real money begin.
_LIVE: Final = ("sk_live_", "rk_live_")
_CONNECT_TIMEOUT_S: Final = 3
_DAY_S: Final = 86_400
#: Objects of one page of a list: the most that Stripe gives.
_PAGE: Final = 100
#: How many sessions are looked through for one of ours whose id we never learned.
_SEARCHED_MAX: Final = 2_000
#: How long after a payment was asked for its session may have been made.
_SENT_WITHIN: Final = timedelta(days=1)
_RETRY_AFTER_S_MAX: Final = 3_600
_EXPANDED: Final = ["payment_intent.latest_charge"]
_LISTED: Final = [f"data.{path}" for path in _EXPANDED]

Read = TypeVar("Read", Session, RefundObject, Intent)

log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Stripe:
    """Cards by Stripe Checkout. `public_url` is our fixed origin, for the way back."""

    secret_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    api_url: str
    public_url: str
    #: Seconds for a whole call, connecting included.
    timeout_s: int = 10
    name: str = "stripe"

    @cached_property
    def capabilities(self) -> Capabilities:
        """Return what Stripe can do; keys may be pruned once they are a day old."""
        return Capabilities(
            collect=COLLECTS,
            pay_out={},
            refund=True,
            queue_for_s={Operation.COLLECT: 15 * 60, Operation.REFUND: 3 * _DAY_S},
            # A refund may have to ask for the payment's session first.
            deadline_s=2 * self.timeout_s + 2,
            resend_same_key=True,
            key_life_s=_DAY_S,
        )

    def collect(self, payment: Payment, *, attempt: Attempt) -> Accepted:
        """Open a Checkout session under the attempt's key; raise CallRefused or CallUnknown."""
        asked = _session(payment, self.public_url)
        options: stripe.RequestOptions = {"idempotency_key": attempt.provider_key}
        made = self._call(lambda: self._client.v1.checkout.sessions.create(asked, options), Session)
        is_ours = made.metadata.get(PAYMENT_KEY) == ids.show("pay", payment.id)
        if not is_ours or made.amount != payment.amount or made.url is None:
            raise CallUnknown(f"Stripe's session {made.id} is not what was asked for.")
        return Accepted(made.id, made.url)

    def refund(self, refund: Refund, payment: Payment, *, attempt: Attempt) -> RefundReported:
        """Refund a payment under the attempt's key; raise CallRefused or CallUnknown."""
        asked = _refund(refund, payment, intent=self._intent_of(payment))
        options: stripe.RequestOptions = {"idempotency_key": attempt.provider_key}
        made = self._call(lambda: self._client.v1.refunds.create(asked, options), RefundObject)
        reported = made.reported(made.created_at)
        if reported is None or reported.refund_id != ids.show("ref", refund.id):
            raise CallUnknown(f"Stripe's refund {made.id} is not what was asked for.")
        return reported

    def look_up(self, payment: Payment) -> Paid | Expired | Accepted | None:
        """Return how a payment's session stands; raise CallUnknown.

        Where we never learned its id, or a false one, the sessions of that day are looked through.
        """
        reference = payment.reference
        if reference is not None:
            found = self._found(
                lambda: self._client.v1.checkout.sessions.retrieve(
                    reference, {"expand": _EXPANDED}
                ),
                Session,
            )
            if found is not None:
                return _standing_of(payment, found)
        standings = (_standing_of(payment, one) for one in self._sessions_near(payment))
        return next((one for one in standings if one is not None), None)

    def look_up_refund(self, refund: Refund, payment: Payment) -> RefundReported | None:
        """Return how a refund of ours stands; raise CallUnknown.

        Where we never learned its id, it is found among the payment's refunds by our own.
        """
        reference, shown = refund.reference, ids.show("ref", refund.id)
        if reference is not None:
            found = self._found(lambda: self._client.v1.refunds.retrieve(reference), RefundObject)
            return None if found is None else found.reported(found.created_at)
        intent = self._intent_of(payment)
        listed = self._list(
            lambda: self._client.v1.refunds.list({"payment_intent": intent, "limit": _PAGE}),
            RefundObject,
        )
        reports = (one.reported(one.created_at) for one in listed)
        return next((one for one in reports if one and one.refund_id == shown), None)

    def trace(self, collected_reference: str) -> str | None:
        """Return our payment in the metadata of a PaymentIntent; raise CallUnknown."""
        found = self._found(
            lambda: self._client.v1.payment_intents.retrieve(collected_reference), Intent
        )
        return None if found is None else found.metadata.get(PAYMENT_KEY)

    def read(self, raw: bytes, headers: Mapping[str, str], now: datetime) -> Event:
        """Return a signed event; raise SignatureInvalid or EventMalformed."""
        given = headers.get("stripe-signature", "")
        signature.check(raw, given, secret=self.webhook_secret, now=now)
        return events.parse(raw)

    def events(self, since: datetime) -> Iterator[Event]:
        """Give all events that Stripe lists from then on, newest first; it keeps them 30 days.

        Raises CallUnknown or CallRefused where the list ends before its end. What is no event
        that we can read is left out, with a line in the log.
        """
        asked: EventListParams = {"created": {"gte": int(since.timestamp())}, "limit": _PAGE}
        with _translated():
            for listed in self._client.v1.events.list(asked).auto_paging_iter():
                found = listed.to_dict(for_json=True)
                raw = json.dumps(found, sort_keys=True, separators=(",", ":")).encode()
                try:
                    yield events.parse(raw)
                except EventMalformed as trouble:
                    log.warning("stripe_event_malformed", external_id=listed.id, why=str(trouble))

    def interpret(self, event: Event) -> Fact | None:
        """Return what an event says about us: nothing where it is of another account or mode."""
        return events.interpret(event, is_live=self.secret_key.startswith(_LIVE))

    def _intent_of(self, payment: Payment) -> str:
        """Return the PaymentIntent of a paid payment, from its session where we never kept it."""
        if payment.collected_reference is not None:
            return payment.collected_reference
        found = self.look_up(payment)
        if not isinstance(found, Paid) or found.collected_reference is None:
            raise CallUnknown("Stripe does not show the payment that is to be refunded.")
        return found.collected_reference

    def _sessions_near(self, payment: Payment) -> Iterator[Session]:
        """Give the sessions that were made when the payment's may have been."""
        begin = int((payment.created_at - timedelta(minutes=5)).timestamp())
        end = int((payment.created_at + _SENT_WITHIN).timestamp())
        return self._list(
            lambda: self._client.v1.checkout.sessions.list(
                {"created": {"gte": begin, "lte": end}, "limit": _PAGE, "expand": _LISTED}
            ),
            Session,
        )

    def _list(self, ask: Callable[[], Any], kind: type[Read]) -> Iterator[Read]:
        """Give the objects of a list, page by page, up to a bound; raise CallUnknown."""
        with _translated():
            for listed in islice(ask().auto_paging_iter(), _SEARCHED_MAX):
                yield _read(listed, kind)

    def _found(self, ask: Callable[[], Any], kind: type[Read]) -> Read | None:
        """Return one object; None where Stripe has none; raise CallUnknown."""
        try:
            return self._call(ask, kind)
        except CallRefused as refusal:
            if refusal.code == "resource_missing":
                return None
            raise CallUnknown(f"Stripe does not tell: {refusal.code}") from refusal

    def _call(self, ask: Callable[[], Any], kind: type[Read]) -> Read:
        """Return what a call answers, read strictly; raise CallRefused or CallUnknown."""
        with _translated():
            return _read(ask(), kind)

    @cached_property
    def _client(self) -> stripe.StripeClient:
        import stripe  # noqa: PLC0415 - heavy, and only the worker that calls needs it

        from tallystick.providers.stripe.transport import Transport  # noqa: PLC0415 - as above

        return stripe.StripeClient(
            self.secret_key,
            stripe_version=API_VERSION,
            base_addresses={"api": self.api_url},
            max_network_retries=0,
            http_client=Transport(deadline_s=self.timeout_s, connect_s=_CONNECT_TIMEOUT_S),
        )


@contextmanager
def _translated() -> Iterator[None]:
    """Turn the SDK's errors into CallRefused, where Stripe said no, and CallUnknown.

    Source: https://docs.stripe.com/error-low-level. A key in use, a limit and a wrong secret did
    nothing, but say nothing of earlier calls either.
    """
    import stripe  # noqa: PLC0415 - as in the client

    try:
        yield
    except (stripe.InvalidRequestError, stripe.CardError) as refusal:
        given = refusal.user_message or ""
        code, sentence = sentence_of(refusal.code or "invalid_request", given)
        log.info("stripe_refused", code=code, request=refusal.request_id)
        raise CallRefused(code, sentence) from refusal
    except stripe.StripeError as trouble:
        raise CallUnknown(
            f"{type(trouble).__name__} {trouble.http_status or ''}".strip(),
            retry_after_s=_retry_after_s(trouble.headers),
        ) from trouble


def _read(answer: Any, kind: type[Read]) -> Read:
    """Return an answer as what it must be; raise CallUnknown where it is something else."""
    try:
        return kind.model_validate(answer.to_dict(for_json=True))
    except (ValidationError, MoneyMalformed) as error:
        raise CallUnknown(f"Stripe answered something that is no {kind.__name__}.") from error


def _retry_after_s(headers: Mapping[str, str] | None) -> int | None:
    given = {name.lower(): text for name, text in (headers or {}).items()}.get("retry-after", "")
    if not given.isascii() or not given.isdecimal():
        return None
    return min(int(given[:6]), _RETRY_AFTER_S_MAX)


def _standing_of(payment: Payment, session: Session) -> Paid | Expired | Accepted | None:
    """Return how a session stands, if it is the payment's."""
    if session.metadata.get(PAYMENT_KEY) != ids.show("pay", payment.id):
        return None
    return session.standing()


def _session(payment: Payment, public_url: str) -> SessionCreateParams:
    shown = ids.show("pay", payment.id)
    page = f"{public_url.rstrip('/')}/payments/{shown}"
    metadata = {PAYMENT_KEY: shown}
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


def _refund(refund: Refund, payment: Payment, *, intent: str) -> RefundCreateParams:
    asked: RefundCreateParams = {
        "payment_intent": intent,
        "amount": to_stripe(refund.amount),
        "metadata": {
            PAYMENT_KEY: ids.show("pay", payment.id),
            REFUND_KEY: ids.show("ref", refund.id),
        },
    }
    match refund.reason:
        case Reason.DUPLICATE:
            asked["reason"] = "duplicate"
        case Reason.FRAUDULENT:
            asked["reason"] = "fraudulent"
        case Reason.REQUESTED_BY_CUSTOMER:
            asked["reason"] = "requested_by_customer"
    return asked
