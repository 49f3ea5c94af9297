"""Pure decisions about payments: the state table, amounts, fingerprints, resending."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from tallystick.money import Money
from tallystick.payments.errors import AmountOutOfRange, CurrencyUnsupported, MoveForbidden
from tallystick.payments.model import PaymentState as S
from tallystick.payments.provider import Capabilities

__all__ = ["ALLOWED", "check_amount", "check_move", "fingerprint", "may_resend"]

#: Where a payment may go from where it stands. SQL says the same of payment_step.
ALLOWED: Final[Mapping[S, frozenset[S]]] = {
    S.AWAITING_APPROVAL: frozenset({S.CREATED, S.DECLINED, S.EXPIRED, S.CANCELLED}),
    S.CREATED: frozenset({S.SENDING, S.CANCELLED, S.EXPIRED}),
    S.SENDING: frozenset({S.SUBMITTED, S.SETTLED, S.FAILED, S.UNKNOWN}),
    S.SUBMITTED: frozenset({S.SETTLED, S.FAILED, S.EXPIRED, S.UNKNOWN}),
    S.UNKNOWN: frozenset({S.SUBMITTED, S.SETTLED, S.FAILED, S.EXPIRED, S.REVIEW}),
    S.REVIEW: frozenset({S.SETTLED, S.FAILED}),
    S.SETTLED: frozenset(),
    S.FAILED: frozenset(),
    S.EXPIRED: frozenset(),
    S.CANCELLED: frozenset(),
    S.DECLINED: frozenset(),
}

#: A key is not used in the last hour of its life: the provider's clock may differ from ours.
_KEY_MARGIN: Final = timedelta(hours=1)


def check_move(before: S, after: S) -> None:
    """Raise MoveForbidden where the state table has no such move."""
    if after not in ALLOWED[before]:
        raise MoveForbidden(f"A payment that is {before} cannot become {after}.")


def check_amount(amount: Money, capabilities: Capabilities) -> None:
    """Raise CurrencyUnsupported or AmountOutOfRange for what the provider does not take."""
    limits = capabilities.collects.get(amount.currency.code)
    if limits is None:
        raise CurrencyUnsupported(f"This way to pay does not take {amount.currency}.")
    if amount.minor <= 0:
        raise AmountOutOfRange("Give an amount above 0.")
    if amount.minor < limits.least:
        raise AmountOutOfRange(f"The least amount is {Money(limits.least, amount.currency)}.")
    if amount.minor > limits.greatest:
        raise AmountOutOfRange(f"The greatest amount is {Money(limits.greatest, amount.currency)}.")


def fingerprint(*, wallet_id: UUID, amount: Money, provider: str) -> bytes:
    """Return the SHA-256 of what was asked, to tell a replay from another request."""
    asked = [str(wallet_id), amount.minor, amount.currency.code, provider]
    return hashlib.sha256(json.dumps(asked).encode()).digest()


def may_resend(first_sent_at: datetime, now: datetime, capabilities: Capabilities) -> bool:
    """Return whether a call may be repeated under its key without a second effect."""
    life = timedelta(seconds=capabilities.key_life_s) - _KEY_MARGIN
    return capabilities.resend_same_key and now - first_sent_at < life
