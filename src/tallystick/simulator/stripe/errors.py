"""What the simulated Stripe refuses, in Stripe's words and form.

StripeRefusal
├── RequestInvalid  parameters that fail validation: nothing ran, nothing is kept under the key
├── NotAllowed      the request ran and was refused: kept under the key
├── NotFound        no such object
├── KeyRefused      the Idempotency-Key was used for something else
│   └── KeyInUse    … or its first request still runs
└── Unauthorized    no API key, or another one
"""

from __future__ import annotations

from typing import Any, ClassVar

from tallystick.simulator.errors import SimulatorError

__all__ = [
    "KeyInUse",
    "KeyRefused",
    "NotAllowed",
    "NotFound",
    "RequestInvalid",
    "StripeRefusal",
    "Unauthorized",
]


class StripeRefusal(SimulatorError):
    """A refusal that is answered as `{"error": {type, code, message, param}}`."""

    code = "simulated_stripe_refusal"
    status: ClassVar[int] = 400
    type: ClassVar[str] = "invalid_request_error"

    def __init__(
        self, message: str, *, reason: str | None = None, param: str | None = None
    ) -> None:
        """Keep Stripe's own code (`reason`) and the parameter that it is about."""
        super().__init__(message)
        self.reason = reason
        self.param = param

    def body(self) -> dict[str, Any]:
        """Return the error as Stripe writes it; absent parts are left out."""
        error = {"type": self.type, "message": str(self)}
        if self.reason:
            error["code"] = self.reason
        if self.param:
            error["param"] = self.param
        return {"error": error}


class RequestInvalid(StripeRefusal):
    """The parameters fail validation."""

    code = "simulated_stripe_request_invalid"


class NotAllowed(StripeRefusal):
    """The state of the object does not allow it."""

    code = "simulated_stripe_not_allowed"


class NotFound(StripeRefusal):
    """There is no such object."""

    code = "simulated_stripe_not_found"
    status = 404


class KeyRefused(StripeRefusal):
    """The Idempotency-Key cannot be used for this request."""

    code = "simulated_stripe_key_refused"
    type = "idempotency_error"


class KeyInUse(KeyRefused):
    """A request with the same Idempotency-Key is still running."""

    code = "simulated_stripe_key_in_use"
    status = 409


class Unauthorized(StripeRefusal):
    """The request has no API key, or a wrong one."""

    code = "simulated_stripe_unauthorized"
    status = 401
