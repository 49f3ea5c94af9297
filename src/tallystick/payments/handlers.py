"""Background work of payments: the call to the provider, and the facts that it reports.

Record, call, record: no transaction is open during the call, and only the run that opened
the attempt makes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog

from tallystick import db, ids
from tallystick.db import Connection, Pool
from tallystick.payments import operations, store
from tallystick.payments.operations import SUBMIT
from tallystick.payments.provider import CallRefused, CallUnknown, Declined, Expired, Paid, Provider
from tallystick.webhooks import Event, Handled

__all__ = ["SUBMIT", "FactHandler", "submit"]

log: Final = structlog.get_logger(__name__)


def submit(*, pool: Pool, providers: Mapping[str, Provider], payment_id: str) -> None:
    """Call the provider for a payment, once, and record what came of it."""
    identity = UUID(payment_id)
    with pool.transaction() as conn:
        [payment] = store.read(conn, "by_id", id=identity)
        provider = providers[payment.provider]
        begun = operations.begin(
            conn, identity, capabilities=provider.capabilities, now=db.now(conn)
        )
    if begun is None:
        return
    try:
        accepted = provider.collect(begun.payment, key=begun.attempt.provider_key)
    except CallRefused as refusal:
        with pool.transaction() as conn:
            operations.record_refused(conn, begun.attempt, refusal, now=db.now(conn))
    except CallUnknown as trouble:
        log.warning("provider_call_unknown", payment=payment_id, trouble=str(trouble))
        with pool.transaction() as conn:
            operations.record_unknown(conn, begun.attempt, now=db.now(conn))
    else:
        with pool.transaction() as conn:
            operations.record_accepted(conn, begun.attempt, accepted, now=db.now(conn))


@dataclass(frozen=True)
class FactHandler:
    """The inbox's handler of one provider's events: it books what they say."""

    provider: Provider

    def handle(self, conn: Connection, events: Sequence[Event]) -> Sequence[Handled | Exception]:
        """Book the events' facts in the inbox's transaction; ignore what is not about us.

        Raises PaymentNotFound or FactMismatch where a fact does not fit: the inbox keeps it.
        """
        return [self._handle(conn, event) for event in events]

    def _handle(self, conn: Connection, event: Event) -> Handled:
        fact = self.provider.interpret(event)
        match fact:
            case Paid():
                operations.book_paid(
                    conn, fact, provider=self.provider.name, event_id=event.id or ids.new()
                )
            case Declined():
                operations.book_declined(conn, fact, now=db.now(conn))
            case Expired():
                operations.book_expired(conn, fact, now=db.now(conn))
            case None:
                return Handled.IGNORED
        return Handled.PROCESSED
