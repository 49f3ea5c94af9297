"""Stripe as a Provider: one Checkout session a payment, its refunds, and its signed events.

It retries nothing by itself: what is repeated, and under which key, payments decide.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import structlog

from tallystick import ids
from tallystick.payments import (
    Accepted,
    Attempt,
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
    RefundStatus,
)
from tallystick.providers.stripe import events, signature
from tallystick.providers.stripe.amounts import COLLECTS, to_stripe
from tallystick.providers.stripe.calls import Content, answered, found, listed
from tallystick.providers.stripe.objects import (
    PAYMENT_KEY,
    REFUND_KEY,
    Intent,
    RefundObject,
    Session,
)
from tallystick.webhooks import Event, EventMalformed

if TYPE_CHECKING:
    import stripe
    from stripe.params import EventListParams, RefundCreateParams, RefundListParams
    from stripe.params.checkout import SessionCreateParams, SessionListParams

__all__ = ["API_VERSION", "Stripe"]

#: The version that the SDK 16.1 was generated for; an upgrade of either is a change of ours.
API_VERSION: Final = "2026-10-28.endive"

#: How secrets of real money begin.
_LIVE: Final = ("sk_live_", "rk_live_")
_CONNECT_TIMEOUT_S: Final = 3
_DAY_S: Final = 86_400
#: Pages of a list that are looked through for one object of ours.
_PAGES_MAX: Final = 5
#: Pages of events in one list: some 140 events a second, where it is of an hour.
_EVENT_PAGES_MAX: Final = 5_000
#: When a payment's session may have been made, by its age: before (clocks differ) and while it
#: waited to be sent, soon after that, and while the call was repeated.
_SPANS: Final = (
    timedelta(minutes=-5),
    timedelta(minutes=20),
    timedelta(hours=2),
    timedelta(hours=24),
)
#: Of several refunds made for one of ours, the first of these counts.
_REFUNDS_FIRST: Final = (RefundStatus.SUCCEEDED, RefundStatus.PENDING, RefundStatus.FAILED)
_EXPANDED: Final = ["payment_intent.latest_charge"]
_LISTED: Final = [f"data.{path}" for path in _EXPANDED]

_Standing = Paid | Expired | Accepted

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

        def accepted(told: Content) -> Accepted:
            made = Session.model_validate(told)
            if not _is_of(payment, told) or made.amount != payment.amount or made.url is None:
                raise CallUnknown(f"Stripe's session {made.id} is not what was asked for.")
            return Accepted(made.id, made.url)

        return answered(lambda: self._client.v1.checkout.sessions.create(asked, options), accepted)

    def refund(self, refund: Refund, payment: Payment, *, attempt: Attempt) -> RefundReported:
        """Refund a payment under the attempt's key; raise CallRefused or CallUnknown."""
        intent = self._intent_of(payment)
        asked = _refund(refund, payment, intent=intent)
        options: stripe.RequestOptions = {"idempotency_key": attempt.provider_key}

        def made(told: Content) -> RefundReported:
            report = _of(intent, told)
            if report.refund_id != ids.show("ref", refund.id) or report.amount != refund.amount:
                raise CallUnknown(f"Stripe's refund {report.reference} is not what was asked for.")
            return report

        return answered(lambda: self._client.v1.refunds.create(asked, options), made)

    def look_up(self, payment: Payment) -> _Standing | None:
        """Return how a payment's session stands; raise CallUnknown.

        Where we never learned its id, or a false one, it is looked for among the sessions of the
        day in which it may have been made; where these are too many that is CallUnknown.
        """
        reference = payment.reference
        if reference is None:
            return self._searched(payment)

        def known(told: Content) -> _Known | None:
            session = Session.model_validate(told)
            return _Known(session.standing()) if _is_of(payment, told) else None

        ours = found(
            lambda: self._client.v1.checkout.sessions.retrieve(reference, {"expand": _EXPANDED}),
            known,
        )
        return self._searched(payment) if ours is None else ours.standing

    def look_up_refund(self, refund: Refund, payment: Payment) -> RefundReported | None:
        """Return how a refund of ours stands, whatever its amount; raise CallUnknown.

        Where we never learned its id, or a false one, it is found among the payment's refunds by
        our own. One of other money, or that is another refund of ours, is none.
        """
        reference, shown = refund.reference, ids.show("ref", refund.id)
        intent = self._intent_of(payment)
        if reference is not None:

            def known(told: Content) -> RefundReported:
                report = _of(intent, told)
                if report.refund_id not in {None, shown}:
                    raise CallUnknown(f"Stripe's refund {report.reference} is another of ours.")
                return report

            told = found(lambda: self._client.v1.refunds.retrieve(reference), known)
            if told is not None:
                return told

        span: RefundListParams = {"payment_intent": intent}

        def ours(told: Content) -> RefundReported | None:
            return _of(intent, told) if _metadata(told).get(REFUND_KEY) == shown else None

        reports = listed(
            lambda page: self._client.v1.refunds.list({**span, **page}),
            ours,
            pages_max=_PAGES_MAX,
        )
        return min(reports, key=lambda one: _REFUNDS_FIRST.index(one.status), default=None)

    def trace(self, collected_reference: str) -> str | None:
        """Return our payment in the metadata of a PaymentIntent; raise CallUnknown.

        None where what stands there is no id of a payment.
        """

        def named(told: Content) -> str | None:
            shown = Intent.model_validate(told).metadata.get(PAYMENT_KEY)
            if shown is None:
                return None
            try:
                ids.read("pay", shown)
            except ids.IdMalformed:
                log.warning("stripe_metadata_foreign", intent=collected_reference)
                return None
            return shown

        return found(lambda: self._client.v1.payment_intents.retrieve(collected_reference), named)

    def read(self, raw: bytes, headers: Mapping[str, str], now: datetime) -> Event:
        """Return a signed event; raise SignatureInvalid or EventMalformed."""
        given = headers.get("stripe-signature", "")
        signature.check(raw, given, secret=self.webhook_secret, now=now)
        return events.parse(raw)

    def events(self, since: datetime, until: datetime) -> Iterator[Event]:
        """Give all events of [since, until) that Stripe lists, newest first, a page at a time.

        Stripe keeps them 30 days, and stamps whole seconds: a begun second counts as its begin.
        Raises CallUnknown where the list ends before its end. What is no event that we can read
        is left out, with a line in the log.
        """
        span: EventListParams = {
            "created": {"gte": int(since.timestamp()), "lt": int(until.timestamp())}
        }
        return listed(
            lambda page: self._client.v1.events.list({**span, **page}),
            _event,
            pages_max=_EVENT_PAGES_MAX,
        )

    def interpret(self, event: Event) -> Fact | None:
        """Return what an event says about us: nothing where it is of another account or mode."""
        return events.interpret(event, is_live=self.secret_key.startswith(_LIVE))

    def _intent_of(self, payment: Payment) -> str:
        """Return the PaymentIntent of a paid payment, from its session where we never kept it."""
        if payment.collected_reference is not None:
            return payment.collected_reference
        standing = self.look_up(payment)
        if not isinstance(standing, Paid) or standing.collected_reference is None:
            raise CallUnknown("Stripe does not show the payment that is to be refunded.")
        return standing.collected_reference

    def _searched(self, payment: Payment) -> _Standing | None:
        """Return how the best of the payment's sessions stands; raise CallUnknown.

        A payment waits at most 15 minutes, and its call is repeated for at most 23 hours: outside
        of `_SPANS` no session of it can have been made. All of each span is looked through, up to
        five pages, unless one of ours is paid.
        """
        best: _Standing | None = None

        def ours(told: Content) -> _Standing | None:
            # Others' sessions, such as subscriptions, have fields that ours never have: not read.
            if not _is_of(payment, told) or told.get("mode", "payment") != "payment":
                return None
            return Session.model_validate(told).standing()

        for begin, end in pairwise(payment.created_at + since for since in _SPANS):
            for standing in self._sessions(begin, end, ours):
                if isinstance(standing, Paid):
                    return standing
                if best is None or isinstance(standing, Accepted):
                    best = standing
        return best

    def _sessions(
        self, begin: datetime, end: datetime, use: Callable[[Content], _Standing | None]
    ) -> Iterator[_Standing]:
        span: SessionListParams = {
            "created": {"gte": int(begin.timestamp()), "lt": int(end.timestamp())},
            "expand": _LISTED,
        }
        return listed(
            lambda page: self._client.v1.checkout.sessions.list({**span, **page}),
            use,
            pages_max=_PAGES_MAX,
        )

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


@dataclass(frozen=True, slots=True)
class _Known:
    """How a session of the payment's stands; None where that is neither paid, open nor ended."""

    standing: _Standing | None


def _metadata(told: Content) -> Mapping[str, Any]:
    """Return the metadata of an object, of whomever it is, that may have none."""
    metadata = told.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _is_of(payment: Payment, told: Content) -> bool:
    return _metadata(told).get(PAYMENT_KEY) == ids.show("pay", payment.id)


def _report(told: Content) -> RefundReported | None:
    made = RefundObject.model_validate(told)
    return made.reported(made.created_at)


def _of(intent: str, told: Content) -> RefundReported:
    """Return a refund of this PaymentIntent; raise CallUnknown where it is one of another."""
    report = _report(told)
    if report is None or report.collected_reference != intent:
        raise CallUnknown("Stripe answered with a refund of other money.")
    return report


def _event(told: Content) -> Event | None:
    raw = json.dumps(told, sort_keys=True, separators=(",", ":")).encode()
    try:
        return events.parse(raw)
    except EventMalformed as trouble:
        log.warning("stripe_event_malformed", external_id=told.get("id"), why=str(trouble))
        return None


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
