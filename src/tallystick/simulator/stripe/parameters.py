"""Parameters: what each request may say, read strictly and refused in Stripe's words.

Fields are small functions from (name, value) to a value. What the simulator does not act on is
refused as unknown: a parameter that is taken in silence would make a false test.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from tallystick.simulator.forms import Form
from tallystick.simulator.stripe.amounts import AMOUNT_MAX
from tallystick.simulator.stripe.errors import RequestInvalid

__all__ = [
    "BALANCE",
    "CHECKOUT_SESSION",
    "CHECKOUT_SESSIONS",
    "EVENTS",
    "EXPANDED",
    "OF_INTENT",
    "OF_PAYMENT",
    "PAGE",
    "REFUND",
    "Field",
    "read",
]

Field = Callable[[str, Any], Any]

_INTEGER: Final = re.compile(r"-?[0-9]{1,15}")
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s]+")
_URL_MAX: Final = 5_000


def read(
    form: Form, fields: Mapping[str, Field], *, required: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return the validated parameters; raise RequestInvalid, naming the parameter."""
    values: dict[str, Any] = _group(fields, required)("", form)
    return values


def _group(fields: Mapping[str, Field], required: tuple[str, ...] = ()) -> Field:
    def check(name: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise RequestInvalid(f"Invalid object: {name}.", param=name)
        read_values = {}
        for key, inner in value.items():
            path = f"{name}[{key}]" if name else key
            if key not in fields:
                raise _unknown(path, fields)
            read_values[key] = fields[key](path, inner)
        for key in required:
            if key not in read_values:
                path = f"{name}[{key}]" if name else key
                raise RequestInvalid(
                    f"Missing required param: {path}.", reason="parameter_missing", param=path
                )
        return read_values

    return check


def _unknown(path: str, fields: Mapping[str, Field]) -> RequestInvalid:
    known = ", ".join(sorted(fields))
    return RequestInvalid(
        f"Received unknown parameter: {path}. (The simulator takes: {known}.)",
        reason="parameter_unknown",
        param=path,
    )


def _text(length_max: int = 5_000) -> Field:
    def check(name: str, value: Any) -> str:
        if not isinstance(value, str):
            raise RequestInvalid(f"Invalid string: {name}.", param=name)
        if not value:
            raise RequestInvalid(
                f"You passed an empty string for '{name}'. It cannot be unset.",
                reason="parameter_invalid_empty",
                param=name,
            )
        if len(value) > length_max:
            raise RequestInvalid(
                f"Invalid string: {name} must be at most {length_max} characters",
                param=name,
            )
        return value

    return check


def _integer(smallest: int, largest: int) -> Field:
    def check(name: str, value: Any) -> int:
        if not isinstance(value, str) or not _INTEGER.fullmatch(value):
            shown = value[:40] if isinstance(value, str) else name
            raise RequestInvalid(
                f"Invalid integer: {shown}", reason="parameter_invalid_integer", param=name
            )
        number = int(value)
        if number < smallest:
            raise RequestInvalid(
                f"This value must be greater than or equal to {smallest}.",
                reason="parameter_invalid_integer",
                param=name,
            )
        if number > largest:
            raise RequestInvalid(
                f"This value must be less than or equal to {largest}.",
                reason="amount_too_large" if largest == AMOUNT_MAX else "parameter_invalid_integer",
                param=name,
            )
        return number

    return check


def _choice(*options: str) -> Field:
    def check(name: str, value: Any) -> str:
        if value not in options:
            raise RequestInvalid(f"Invalid {name}: must be one of {', '.join(options)}", param=name)
        return str(value)

    return check


def _flag(name: str, value: Any) -> bool:
    if value not in {"true", "false"}:
        raise RequestInvalid(f"Invalid boolean: {name}.", param=name)
    return bool(value == "true")


def _url(name: str, value: Any) -> str:
    text: str = _text(_URL_MAX)(name, value)
    try:
        parts = urlsplit(text)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and text.isprintable()
    except ValueError:
        valid = False
    if not valid or " " in text:
        raise RequestInvalid("Not a valid URL", reason="url_invalid", param=name)
    return text


def _email(name: str, value: Any) -> str:
    text: str = _text(800)(name, value)
    if not _EMAIL.fullmatch(text):
        raise RequestInvalid(
            f"Invalid email address: {text[:80]}", reason="email_invalid", param=name
        )
    return text


def _each(field: Field, number_max: int) -> Field:
    def check(name: str, value: Any) -> list[Any]:
        if not isinstance(value, dict) or set(value) != {str(n) for n in range(len(value))}:
            raise RequestInvalid(f"Invalid array: {name}.", param=name)
        if len(value) > number_max:
            raise RequestInvalid(
                f"Array {name} exceeded maximum {number_max} elements.", param=name
            )
        return [field(f"{name}[{n}]", value[str(n)]) for n in range(len(value))]

    return check


def _metadata(name: str, value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or len(value) > 50:  # noqa: PLR2004 - Stripe's published limit
        raise RequestInvalid("Metadata is a set of at most 50 keys and values.", param=name)
    for key, text in value.items():
        if not isinstance(text, str):
            raise RequestInvalid("Metadata values must be text.", param=f"{name}[{key}]")
        if len(key) > 40 or len(text) > 500:  # noqa: PLR2004 - Stripe's published limits
            raise RequestInvalid(
                "Metadata keys have at most 40 characters and values at most 500.",
                param=f"{name}[{key}]",
            )
    return {key: text for key, text in value.items() if text}


_MOMENT: Final = _integer(0, 2**40)
_PERIOD: Final = _group(dict.fromkeys(("gt", "gte", "lt", "lte"), _MOMENT))


def _created(name: str, value: Any) -> Any:
    return _PERIOD(name, value) if isinstance(value, dict) else _MOMENT(name, value)


_EXPAND: Final = {"expand": _each(_text(200), 20)}
PAGE: Final[Mapping[str, Field]] = {
    **_EXPAND,
    "limit": _integer(1, 100),
    "starting_after": _text(255),
    "ending_before": _text(255),
    "created": _created,
}

EXPANDED: Final[Mapping[str, Field]] = _EXPAND

_PRODUCT: Final = _group(
    {"name": _text(250), "description": _text(), "metadata": _metadata, "tax_code": _text(50)},
    ("name",),
)
_PRICE: Final = _group(
    {"currency": _text(3), "unit_amount": _integer(0, AMOUNT_MAX), "product_data": _PRODUCT},
    ("currency", "unit_amount", "product_data"),
)
_LINE_ITEM: Final = _group(
    {"price_data": _PRICE, "quantity": _integer(1, 999_999)}, ("price_data", "quantity")
)
_INTENT_DATA: Final = _group(
    {
        "capture_method": _choice("automatic", "automatic_async"),
        "description": _text(1_000),
        "metadata": _metadata,
        "receipt_email": _email,
        "statement_descriptor": _text(22),
        "statement_descriptor_suffix": _text(22),
        "transfer_group": _text(500),
    }
)

CHECKOUT_SESSION: Final[Mapping[str, Field]] = {
    **_EXPAND,
    "billing_address_collection": _choice("auto"),
    "cancel_url": _url,
    "client_reference_id": _text(200),
    "currency": _text(3),
    "customer_creation": _choice("always", "if_required"),
    "customer_email": _email,
    "expires_at": _MOMENT,
    "line_items": _each(_LINE_ITEM, 100),
    "locale": _text(10),
    "metadata": _metadata,
    "mode": _choice("payment"),
    "payment_intent_data": _INTENT_DATA,
    "payment_method_types": _each(_choice("card"), 10),
    "submit_type": _choice("auto", "book", "donate", "pay"),
    "success_url": _url,
    "ui_mode": _choice("hosted_page"),
}

CHECKOUT_SESSIONS: Final[Mapping[str, Field]] = {
    **PAGE,
    "payment_intent": _text(255),
    "status": _choice("complete", "expired", "open"),
}

EVENTS: Final[Mapping[str, Field]] = {
    **PAGE,
    "type": _text(100),
    "types": _each(_text(100), 20),
    "delivery_success": _flag,
}

REFUND: Final[Mapping[str, Field]] = {
    **_EXPAND,
    "amount": _integer(1, AMOUNT_MAX),
    "charge": _text(255),
    "metadata": _metadata,
    "payment_intent": _text(255),
    "reason": _choice("duplicate", "fraudulent", "requested_by_customer"),
}

#: Filters of lists.
OF_INTENT: Final[Mapping[str, Field]] = {"payment_intent": _text(255)}
OF_PAYMENT: Final[Mapping[str, Field]] = {**OF_INTENT, "charge": _text(255)}
BALANCE: Final[Mapping[str, Field]] = {
    "currency": _text(3),
    "source": _text(255),
    "type": _text(100),
}
