"""What goes back: refunds, disputes, and the balance transactions of everything. Builders, pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tallystick.simulator.book import JsonObject

__all__ = ["balance_entry", "dispute", "refund"]

_AVAILABLE_AFTER_S: Final = 2 * 86_400
_EVIDENCE_WITHIN_S: Final = 9 * 86_400

#: Stripe's type where it differs from the reporting category.
_TYPE_OF: Final = {"dispute": "adjustment", "dispute_reversal": "adjustment"}
_FEE_WORDS: Final = {"dispute": "Dispute fee"}

_EVIDENCE_NONE: Final = (  # noqa: SIM905 - names read best as words
    "access_activity_log appeal billing_address cancellation_policy "
    "cancellation_policy_disclosure cancellation_rebuttal customer_communication "
    "customer_email_address customer_name customer_purchase_ip customer_signature "
    "duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id "
    "product_description receipt refund_policy refund_policy_disclosure "
    "refund_refusal_explanation service_date service_documentation shipping_address "
    "shipping_carrier shipping_date shipping_documentation shipping_tracking_number "
    "uncategorized_file uncategorized_text"
).split()


def balance_entry(
    identity: str,
    source: str,
    *,
    amount: int,
    currency: str,
    now: int,
    category: str,
    fee: int = 0,
) -> JsonObject:
    """Return the balance transaction of a source: amount > 0 comes in, < 0 goes out.

    `category` is charge, refund, refund_failure, dispute or dispute_reversal.
    """
    detail = {
        "amount": fee,
        "application": None,
        "currency": currency,
        "description": _FEE_WORDS.get(category, "Stripe processing fees"),
        "type": "stripe_fee",
    }
    return {
        "id": identity,
        "object": "balance_transaction",
        "amount": amount,
        "available_on": now + _AVAILABLE_AFTER_S,
        "balance_type": "payments",
        "created": now,
        "currency": currency,
        "description": None,
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [detail] if fee else [],
        "net": amount - fee,
        "reporting_category": category,
        "source": source,
        "status": "pending",
        "type": _TYPE_OF.get(category, category),
    }


def refund(
    identity: str,
    of_charge: Mapping[str, Any],
    *,
    amount: int,
    balance: str,
    now: int,
    status: str,
) -> JsonObject:
    """Return a new refund: succeeded at once, as card refunds do, or pending."""
    is_pending = status == "pending"
    return {
        "id": identity,
        "object": "refund",
        "amount": amount,
        "balance_transaction": balance,
        "charge": of_charge["id"],
        "created": now,
        "currency": of_charge["currency"],
        "destination_details": {
            "card": {
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
                "type": "pending" if is_pending else "refund",
            },
            "type": "card",
        },
        "metadata": {},
        "payment_intent": of_charge["payment_intent"],
        **({"pending_reason": "processing"} if is_pending else {}),
        "reason": None,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": status,
        "transfer_reversal": None,
    }


def dispute(
    identity: str, of_charge: Mapping[str, Any], *, amount: int, reason: str, now: int
) -> JsonObject:
    """Return a new dispute that needs a response; nothing is withdrawn yet."""
    card = of_charge["payment_method_details"]["card"]
    return {
        "id": identity,
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": of_charge["id"],
        "created": now,
        "currency": of_charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(_EVIDENCE_NONE), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": now + _EVIDENCE_WITHIN_S,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "intended_submission_method": None,
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": of_charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": card["brand"],
                "case_type": "chargeback",
                "network": card["brand"],
                "network_reason_code": "10",
            },
            "type": "card",
        },
        "reason": reason,
        "status": "needs_response",
    }
