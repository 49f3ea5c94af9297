"""Stripe's HTTP API: authentication, parameters, idempotency keys, faults, errors in its form.

One path leads through here for every endpoint. It decides nothing about money: operations and
queries do.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from tallystick.simulator.book import JsonObject
from tallystick.simulator.errors import FormMalformed
from tallystick.simulator.faults import OPERATION_FAULTS, Fault
from tallystick.simulator.forms import decode
from tallystick.simulator.http import Handler, Reply, Request, Router, json_reply
from tallystick.simulator.stripe import objects, operations, queries
from tallystick.simulator.stripe.errors import RequestInvalid, StripeRefusal, Unauthorized
from tallystick.simulator.stripe.idempotency import Keys, fingerprint
from tallystick.simulator.stripe.model import Asked, Desk, Outcome
from tallystick.simulator.stripe.parameters import (
    CHECKOUT_SESSION,
    CHECKOUT_SESSIONS,
    EVENTS,
    EXPANDED,
    REFUND,
    REFUNDS,
    Field,
    read,
)

__all__ = ["Api", "misbehave"]

_FORM: Final = "application/x-www-form-urlencoded"
_VERSION: Final = re.compile(r"\d{4}-\d{2}-\d{2}(\.[a-z]{2,20})?")
_NOTHING: Final = Fault("")

Perform = Callable[[Desk, dict[str, Any], Mapping[str, str]], Outcome]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint: its name for faults and the journal, its parameters, and what it does."""

    name: str
    method: str
    path: str
    perform: Perform
    fields: Mapping[str, Field]
    required: tuple[str, ...] = ()


class Api:
    """The door of /v1."""

    def __init__(self, desk: Desk) -> None:
        """Serve the account of this desk."""
        self._desk = desk
        self._keys = Keys(desk.book)

    def add_routes(self, router: Router) -> None:
        """This function will add every endpoint."""
        for endpoint in ENDPOINTS:
            router.add(endpoint.method, endpoint.path, self._handler(endpoint))

    def _handler(self, endpoint: Endpoint) -> Handler:
        def handle(request: Request) -> Reply:
            name = f"req_{self._desk.token(14)}"
            try:
                with self._desk.book.lock:
                    reply = self._serve(endpoint, request, name)
            except StripeRefusal as refusal:
                reply = json_reply(refusal.status, refusal.body())
            return replace(reply, headers={**_common(request, name), **reply.headers})

        return handle

    def _serve(self, endpoint: Endpoint, request: Request, name: str) -> Reply:
        _authenticate(request, self._desk.account.secret_key)
        _check_version(request)
        form = _form(request)
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        if key is None:
            return self._run(endpoint, request, form, Asked(name))
        mark = fingerprint(request.method, request.path, form)
        record = self._keys.begin(key, path=request.path, mark=mark)
        if record is not None:
            return _replay(record)
        finishes = False
        try:
            reply = self._run(endpoint, request, form, Asked(name, key), mark=mark)
            finishes = True
        finally:
            if not finishes:
                self._keys.finish(key)
        return replace(reply, done=lambda: self._keys.finish(key))

    def _run(
        self,
        endpoint: Endpoint,
        request: Request,
        form: dict[str, Any],
        asked: Asked,
        *,
        mark: str = "",
    ) -> Reply:
        """Validate, do the work, journal it with the reply, and misbehave where asked to."""
        fault = self._desk.faults.take(
            endpoint.name, family=OPERATION_FAULTS, is_default=endpoint.method == "POST"
        )
        what = (fault or _NOTHING).what
        if what == "rate_limited":
            return json_reply(429, _error("rate_limit", "Request rate limit exceeded."))
        if what == "timeout":
            return Reply(504, b"", hangs=True)
        outcome, status = Outcome({}), 200
        if what != "error_500":
            outcome, status = self._perform(endpoint, request, form)
        if what in {"error_500", "error_500_after_charge"}:
            outcome = replace(outcome, body=_error(None, "An unknown error occurred.", "api_error"))
            status = 500
        also = []
        if asked.key is not None and asked.request is not None:
            kept = {"status": status, "body": outcome.body}
            also.append(
                self._keys.record(
                    asked.key, path=request.path, mark=mark, request=asked.request, reply=kept
                )
            )
        self._desk.commit(endpoint.name, outcome, asked=asked, also=also)
        return misbehave(json_reply(status, outcome.body), fault)

    def _perform(
        self, endpoint: Endpoint, request: Request, form: dict[str, Any]
    ) -> tuple[Outcome, int]:
        """Return the outcome and its status; raise for what is refused before the work begins."""
        parameters = read(form, endpoint.fields, required=endpoint.required)
        try:
            outcome = endpoint.perform(self._desk, parameters, request.names)
            body = queries.expand(self._desk.book, outcome.body, parameters.get("expand", ()))
        except RequestInvalid:
            raise
        except StripeRefusal as refusal:
            return Outcome(refusal.body()), refusal.status
        return replace(outcome, body=body), 200


def misbehave(reply: Reply, fault: Fault | None) -> Reply:
    """Return the reply with what the fault does to it after the work is journalled."""
    if fault is None:
        return reply
    return replace(
        reply,
        hold_s=fault.after_s if fault.what == "slow" else 0,
        hangs=fault.what in {"timeout", "timeout_after_charge"},
        kills=fault.what == "kill",
    )


def _error(reason: str | None, message: str, kind: str = "invalid_request_error") -> JsonObject:
    error = {"type": kind, "message": message}
    return {"error": {**error, "code": reason} if reason else error}


def _replay(record: JsonObject) -> Reply:
    return json_reply(
        record["status"],
        record["body"],
        **{"Idempotent-Replayed": "true", "Original-Request": record["request"]},
    )


def _common(request: Request, name: str) -> dict[str, str]:
    headers = {
        "Request-Id": name,
        "Stripe-Version": request.headers.get("stripe-version", objects.API_VERSION)[:40],
        "Cache-Control": "no-cache, no-store",
    }
    key = request.headers.get("idempotency-key")
    if key and request.method == "POST" and key.isascii() and key.isprintable():
        headers["Idempotency-Key"] = key[:255]
    return headers


def _authenticate(request: Request, secret_key: str) -> None:
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    given = credential.strip()
    if scheme.lower() == "basic":
        try:
            given = base64.b64decode(given, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError) as trouble:
            raise Unauthorized("Invalid basic authentication.") from trouble
    elif scheme.lower() != "bearer":
        given = ""
    if not given:
        raise Unauthorized(
            "You did not provide an API key. You need to provide your API key in the "
            "Authorization header, using Bearer auth "
            "(e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
        )
    if not hmac.compare_digest(given.encode(), secret_key.encode()):
        raise Unauthorized(f"Invalid API Key provided: {given[:8]}***")


def _check_version(request: Request) -> None:
    version = request.headers.get("stripe-version")
    if version is not None and not _VERSION.fullmatch(version):
        raise RequestInvalid(f"Invalid Stripe API version: {version[:40]}")


def _form(request: Request) -> dict[str, Any]:
    kind = request.headers.get("content-type", _FORM).partition(";")[0].strip().lower()
    if request.body and kind != _FORM:
        raise RequestInvalid(
            "Invalid request (check that your POST content type is "
            f"application/x-www-form-urlencoded). Received: {kind[:80]}"
        )
    try:
        return decode(request.query if request.method == "GET" else request.body)
    except FormMalformed as malformed:
        raise RequestInvalid(f"Invalid request. {malformed}") from malformed


def _retrieve(kind: str, param: str = "id") -> Perform:
    def perform(desk: Desk, _parameters: dict[str, Any], names: Mapping[str, str]) -> Outcome:
        thing = operations.find(desk, kind, names["id"], param=param)
        return Outcome(queries.shown_event(desk.book, thing) if kind == "event" else thing)

    return perform


def _list(kind: str, url: str, *names: str) -> Perform:
    def perform(desk: Desk, parameters: dict[str, Any], _names: Mapping[str, str]) -> Outcome:
        found = queries.matching(desk.book.newest_first(kind), parameters, *names)
        return Outcome(queries.page(found, parameters, url=url))

    return perform


def _list_events(desk: Desk, parameters: dict[str, Any], _names: Mapping[str, str]) -> Outcome:
    events = queries.matching(desk.book.newest_first("event"), parameters, "type")
    shown = [queries.shown_event(desk.book, event) for event in events]
    if "types" in parameters:
        shown = [event for event in shown if event["type"] in parameters["types"]]
    if "delivery_success" in parameters:
        wanted = parameters["delivery_success"]
        shown = [event for event in shown if (event["pending_webhooks"] == 0) == wanted]
    return Outcome(queries.page(shown, parameters, url="/v1/events"))


_SESSIONS: Final = "/v1/checkout/sessions"

ENDPOINTS: Final = (
    Endpoint(
        "checkout.session.create",
        "POST",
        _SESSIONS,
        lambda desk, parameters, _names: operations.create_session(desk, parameters),
        CHECKOUT_SESSION,
        ("mode", "line_items", "success_url"),
    ),
    Endpoint(
        "checkout.session.list",
        "GET",
        _SESSIONS,
        _list("checkout_session", _SESSIONS, "payment_intent", "status"),
        CHECKOUT_SESSIONS,
    ),
    Endpoint(
        "checkout.session.retrieve",
        "GET",
        f"{_SESSIONS}/{{id}}",
        _retrieve("checkout_session", "session"),
        EXPANDED,
    ),
    Endpoint(
        "checkout.session.expire",
        "POST",
        f"{_SESSIONS}/{{id}}/expire",
        lambda desk, _parameters, names: operations.expire_session(desk, names["id"]),
        EXPANDED,
    ),
    Endpoint(
        "refund.create",
        "POST",
        "/v1/refunds",
        lambda desk, parameters, _names: operations.create_refund(desk, parameters),
        REFUND,
    ),
    Endpoint(
        "refund.list", "GET", "/v1/refunds",
        _list("refund", "/v1/refunds", "charge", "payment_intent"), REFUNDS,
    ),
    Endpoint("refund.retrieve", "GET", "/v1/refunds/{id}", _retrieve("refund"), EXPANDED),
    Endpoint(
        "payment_intent.retrieve", "GET", "/v1/payment_intents/{id}",
        _retrieve("payment_intent", "intent"), EXPANDED,
    ),
    Endpoint("charge.retrieve", "GET", "/v1/charges/{id}", _retrieve("charge"), EXPANDED),
    Endpoint("event.list", "GET", "/v1/events", _list_events, EVENTS),
    Endpoint("event.retrieve", "GET", "/v1/events/{id}", _retrieve("event"), EXPANDED),
    Endpoint(
        "balance_transaction.retrieve", "GET", "/v1/balance_transactions/{id}",
        _retrieve("balance_transaction"), EXPANDED,
    ),
    Endpoint(
        "account.retrieve", "GET", "/v1/account",
        lambda desk, _parameters, _names: Outcome(objects.account(desk.account.name, created=0)),
        EXPANDED,
    ),
)  # fmt: skip
