"""The way of the Stripe SDK to the network: within one deadline, bounded, on kept connections.

The SDK's own client waits for each byte anew, follows redirects, asks the environment for proxies
and reads a body of any size. An answer that is no object, or says something twice, is none.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, NoReturn

import stripe

from tallystick.resilience.http import Answer, HttpClient, LineBroken

__all__ = ["Transport"]

#: Stripe's objects are some kilobytes.
_BODY_BYTES_MAX: Final = 1_048_576


class Transport(stripe.HTTPClient):
    """An HTTP client for `stripe.StripeClient`; for all threads."""

    name = "tallystick"

    def __init__(self, *, deadline_s: int, connect_s: int) -> None:
        """Connect to nothing yet. `deadline_s` is for a whole call, connecting included."""
        super().__init__(verify_ssl_certs=True)
        self._client: Final = HttpClient(
            deadline_s=deadline_s,
            connect_s=connect_s,
            body_bytes_max=_BODY_BYTES_MAX,
            ca_file=stripe.ca_bundle_path,
        )

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        **_: Any,
    ) -> tuple[str, int, Mapping[str, str]]:
        """Return body, status and headers; raise APIConnectionError where there is no answer."""
        try:
            # The SDK says "post", and HTTP tells capitals apart.
            answer = self._client.request(
                method.upper(), url, headers=headers or {}, body=post_data
            )
            text = _text(answer)
        except (LineBroken, ValueError, TypeError, RecursionError) as trouble:
            # Without should_retry: whether a call is repeated is not the SDK's to decide.
            raise stripe.APIConnectionError(str(trouble)) from trouble  # type: ignore[no-untyped-call] # the SDK's
        return text, answer.status, answer.headers

    def request_stream(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        **_: Any,
    ) -> NoReturn:
        """Refuse: nothing that we ask of Stripe is read piece by piece."""
        raise NotImplementedError("Stripe's answers are read whole.")

    def close(self) -> None:
        """Close the kept connections."""
        self._client.close()


def _text(answer: Answer) -> str:
    """Return the body; raise ValueError for what the SDK would stumble over, or half believe.

    What it says no to by itself, such as a page of a proxy with status 503, goes through.
    """
    text = answer.body.decode()
    if answer.status < HTTPStatus.MULTIPLE_CHOICES:
        if not isinstance(_read(text), dict):
            raise ValueError("Stripe's answer is no object.")
        return text
    with contextlib.suppress(json.JSONDecodeError):
        found = _read(text)
        if isinstance(found, dict) and not isinstance(found.get("error", {}), dict):
            raise TypeError("Stripe's error is no object.")
    return text


def _read(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_each_once, parse_constant=_no_number)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("Stripe's answer says something twice.")
    return found


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"Stripe's answer has {text} for a number.")
