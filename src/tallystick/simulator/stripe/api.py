"""Stripe's HTTP API: authentication, parameters, idempotency keys, faults, errors in its form.

One path leads through here for every endpoint. It decides nothing about money: operations and
queries do.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from dataclasses import replace
from typing import Any, Final

from tallystick.simulator.book import JsonObject
from tallystick.simulator.errors import FormMalformed
from tallystick.simulator.faults import OPERATION_FAULTS, Fault
from tallystick.simulator.forms import decode
from tallystick.simulator.http import Fate, Handler, Reply, Request, Router, json_reply
from tallystick.simulator.stripe import objects, queries
from tallystick.simulator.stripe.endpoints import ENDPOINTS, Endpoint
from tallystick.simulator.stripe.errors import RequestInvalid, StripeRefusal, Unauthorized
from tallystick.simulator.stripe.idempotency import Keys, fingerprint
from tallystick.simulator.stripe.lies import misbehave
from tallystick.simulator.stripe.model import Asked, Desk, Outcome
from tallystick.simulator.stripe.parameters import read

__all__ = ["Api"]

_FORM: Final = "application/x-www-form-urlencoded"
_VERSION: Final = re.compile(r"\d{4}-\d{2}-\d{2}(\.[a-z]{2,20})?")
_NOTHING: Final = Fault("")
_HANGING: Final = Reply(504, b"", fate=Fate(hangs=True))


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
                    reply = self._out() or self._serve(endpoint, request, name)
            except StripeRefusal as refusal:
                reply = json_reply(refusal.status, refusal.body())
            return replace(reply, headers={**_common(request, name), **reply.headers})

        return handle

    def _out(self) -> Reply | None:
        """Return what an outage answers, before anybody looks at the request."""
        outage = self._desk.faults.struck()
        if outage is None:
            return None
        if isinstance(outage.answer, str):
            return _HANGING
        return _refused_for_now(outage.answer, outage.retry_after_s)

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
        if fault and what == "rate_limited":
            return _refused_for_now(429, fault.retry_after_s)
        if what == "timeout":
            return _HANGING
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
        return misbehave(status, outcome.body, fault)

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


def _refused_for_now(status: int, retry_after_s: int | None) -> Reply:
    """Return an answer that nothing was done for and that no key keeps."""
    body = (
        _error("rate_limit", "Request rate limit exceeded.")
        if status == 429  # noqa: PLR2004 - too many requests
        else _error(None, "Stripe is not available. Try again later.", "api_error")
    )
    later = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return json_reply(status, body, **later)


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
