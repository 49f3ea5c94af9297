"""How Stripe is asked, and its answers read: whatever goes wrong there is Refused or Unknown.

An answer is used inside the guard alone, by the function that is given for it: so nobody can
forget that a field of Stripe's may be missing, of another kind, or no money at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, Final, NotRequired, TypedDict, TypeVar

import structlog
from pydantic import BaseModel, Field, ValidationError

from tallystick.ids import IdMalformed
from tallystick.money import MoneyError
from tallystick.payments import CallRefused, CallUnknown
from tallystick.providers.stripe.objects import Text
from tallystick.providers.stripe.refusals import sentence_of

__all__ = ["Content", "Place", "answered", "found", "listed"]

#: Objects of one page of a list: the most that Stripe gives.
_PAGE: Final = 100
_RETRY_AFTER_S_MAX: Final = 3_600

#: An object of Stripe's as it came.
Content = dict[str, Any]
T = TypeVar("T")

log: Final = structlog.get_logger(__name__)


class Place(TypedDict):
    """Where a page of a list begins, as Stripe is asked for it."""

    limit: int
    starting_after: NotRequired[str]


class _Page(BaseModel):
    data: Annotated[list[Content], Field(max_length=_PAGE)]
    has_more: Annotated[bool, Field(strict=True)]


class _Named(BaseModel):
    id: Text


def answered(ask: Callable[[], Any], use: Callable[[Content], T]) -> T:
    """Return what `use` makes of the answer; raise CallRefused or CallUnknown."""
    with _guarded():
        return use(ask().to_dict(for_json=True))


def found(ask: Callable[[], Any], use: Callable[[Content], T]) -> T | None:
    """Return what `use` makes of an object; None where Stripe has none; raise CallUnknown."""
    try:
        return answered(ask, use)
    except CallRefused as refusal:
        if refusal.code == "resource_missing":
            return None
        raise _silent(refusal) from refusal


def listed(
    ask: Callable[[Place], Any],
    use: Callable[[Content], T | None],
    *,
    pages_max: int,
) -> Iterator[T]:
    """Give what `use` makes of a list's objects, newest first, but for None; raise CallUnknown.

    `ask` gets where a page begins. One page is held at a time; more than `pages_max` are too many.
    """

    def read(told: Content) -> tuple[list[T | None], str | None]:
        page = _Page.model_validate(told)
        last = _Named.model_validate(page.data[-1]).id if page.data else None
        if page.has_more and last is None:
            raise CallUnknown("Stripe's list has more, and does not say what.")
        return [use(one) for one in page.data], last if page.has_more else None

    begin: Place = {"limit": _PAGE}
    for _ in range(pages_max):
        try:
            made, last = answered(lambda: ask(begin), read)  # noqa: B023 - it is called at once
        except CallRefused as refusal:
            raise _silent(refusal) from refusal
        yield from (one for one in made if one is not None)
        if last is None:
            return
        begin = {"limit": _PAGE, "starting_after": last}
    raise CallUnknown(f"Stripe lists more than {pages_max * _PAGE}: too many to look through.")


def _silent(refusal: CallRefused) -> CallUnknown:
    return CallUnknown(f"Stripe does not tell: {refusal.code}")


@contextmanager
def _guarded() -> Iterator[None]:
    """Turn the SDK's errors into CallRefused, where Stripe said no, and all else into CallUnknown.

    Source: https://docs.stripe.com/error-low-level. A key in use, a limit and a wrong secret did
    nothing, but say nothing of earlier calls either. What cannot be read says nothing.
    """
    import stripe  # noqa: PLC0415 - heavy, and only the worker that calls needs it

    try:
        yield
    except (stripe.InvalidRequestError, stripe.CardError) as refusal:
        code, sentence = sentence_of(
            str(refusal.code or "invalid_request"), str(refusal.user_message or "")
        )
        log.info("stripe_refused", code=code, request=refusal.request_id)
        raise CallRefused(code, sentence) from refusal
    except stripe.StripeError as trouble:
        raise CallUnknown(
            f"{type(trouble).__name__} {trouble.http_status or ''}".strip(),
            retry_after_s=_retry_after_s(trouble.headers),
        ) from trouble
    except (ValidationError, MoneyError, IdMalformed, KeyError) as trouble:
        raise CallUnknown(f"Stripe's answer cannot be read: {type(trouble).__name__}.") from trouble


def _retry_after_s(headers: Mapping[str, str] | None) -> int | None:
    given = {name.lower(): text for name, text in (headers or {}).items()}.get("retry-after", "")
    if not given.isascii() or not given.isdecimal():
        return None
    return min(int(given[:6]), _RETRY_AFTER_S_MAX)
