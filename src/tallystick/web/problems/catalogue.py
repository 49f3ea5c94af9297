"""The one dictionary at the door: what HTTP says for each code of every room.

Rooms know codes and no HTTP. A code that is missing here is a mistake of ours: 500.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["STATUS", "code_of_status", "status_of"]

#: Code to status and title. The title never changes with the case; the detail does.
STATUS: Final[Mapping[str, tuple[int, str]]] = {
    # The door itself.
    "request_malformed": (400, "The request is not well formed"),
    "json_malformed": (400, "The body is not the JSON that it should be"),
    "query_malformed": (400, "The query is not well formed"),
    "unauthenticated": (401, "Sign in, or send a valid API key"),
    "credentials_ambiguous": (400, "It is not clear who calls"),
    "forbidden": (403, "This is not allowed"),
    "csrf_failed": (403, "The request's origin could not be proven"),
    "not_found": (404, "There is nothing here"),
    "method_not_allowed": (405, "The method is not allowed here"),
    "body_too_slow": (408, "The body did not arrive in time"),
    "conflict": (409, "This cannot be done now"),
    "body_too_large": (413, "The body is too large"),
    "media_type_unsupported": (415, "The body's media type is not supported"),
    "request_invalid": (422, "The request is understood, but not valid"),
    "too_many_requests": (429, "Too many requests"),
    "headers_too_large": (431, "The headers are too many or too large"),
    "internal_error": (500, "Something went wrong on our side"),
    "overloaded": (503, "The server is busy"),
    "not_ready": (503, "The server is not ready"),
    "cursor_malformed": (422, "The cursor is malformed"),
    "idempotency_key_malformed": (400, "The Idempotency-Key is missing or malformed"),
    # db
    "database_unavailable": (503, "The database does not answer"),
    # ids, money
    "id_malformed": (404, "There is nothing here"),
    "amount_malformed": (422, "The amount is malformed"),
    "currency_mismatch": (422, "The currencies differ"),
    "currency_unknown": (422, "The currency is unknown"),
    # keys
    "owner_missing": (422, "The owner is not named"),
    "owner_not_found": (404, "There is no such owner"),
    "scope_missing": (403, "The key may not do this"),
    # ledger, wallets
    "account_busy": (503, "Somebody else is working on the account"),
    "account_frozen": (409, "The account is frozen"),
    "account_not_found": (404, "There is no such account"),
    "account_not_frozen": (409, "The account is not frozen"),
    "already_reversed": (409, "The transfer is undone already"),
    "balance_condition_failed": (409, "The account holds less than was asked for"),
    "ceiling_exceeded": (409, "The account would hold too much"),
    "insufficient_funds": (409, "The money does not suffice"),
    "outcome_unknown": (503, "Whether it was done is not known"),
    "writer_closed": (503, "The server is going down"),
    "writer_full": (503, "Too many transfers wait"),
    "move_invalid": (422, "The transfer is not valid"),
    "reversal_not_reversible": (409, "A reversal cannot be undone"),
    "transfer_not_found": (404, "There is no such transfer"),
    "version_conflict": (412, "The account has changed since"),
    "owner_malformed": (422, "The owner's name is malformed"),
    "wallet_not_found": (404, "There is no such wallet"),
    "note_malformed": (422, "The note is not valid"),
    "payee_unavailable": (409, "The recipient cannot be paid now"),
    "self_transfer": (422, "A wallet cannot pay itself"),
    # idempotency
    "idempotency_key_invalid": (422, "The idempotency key is not valid"),
    "idempotency_in_flight": (409, "The first request with this Idempotency-Key is not done yet"),
    "idempotency_key_reused": (422, "The Idempotency-Key stands for another request"),
    # payments
    "amount_out_of_range": (422, "The amount is too small or too large"),
    "currency_unsupported": (422, "The provider does not take this currency"),
    "payment_already_settled": (409, "The payment is settled already"),
    "payment_fact_early": (409, "The provider's report is about something that is not here yet"),
    "payment_fact_alone": (409, "The provider's report is booked by itself"),
    "refund_unsupported": (409, "This payment cannot be refunded"),
    "refund_too_large": (409, "More than is left of the payment"),
    "refund_not_covered": (409, "The wallet does not hold what is to go back"),
    "review_not_found": (404, "No such review"),
    "review_resolved": (409, "The review is answered already"),
    "review_reason_missing": (422, "Say why"),
    "payment_move_forbidden": (409, "The payment cannot move there from where it stands"),
    "payment_not_found": (404, "There is no such payment"),
    "job_not_found": (404, "There is no such job"),
    "provider_unknown": (422, "There is no such provider"),
    # webhooks, mail, people
    "message_not_found": (404, "There is no such message"),
    "recipient_unknown": (404, "There is no such recipient"),
    "person_not_found": (404, "There is no such person"),
    "inbox_busy": (503, "The database does not keep webhooks now"),
    "inbox_closed": (503, "The server is going down"),
    "inbox_full": (503, "Too many webhooks wait"),
    "webhook_event_blanked": (409, "What the event said is gone"),
    "webhook_event_not_found": (404, "There is no such event"),
    "webhook_event_not_replayable": (409, "The event cannot be processed again"),
    "webhook_malformed": (400, "The webhook is signed, but it is no event"),
    "webhook_signature_invalid": (400, "The webhook's signature is not valid"),
}

#: The code of a bare status that Django or a library answers with.
_OF_STATUS: Final = {
    400: "request_malformed",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "body_too_slow",
    409: "conflict",
    413: "body_too_large",
    415: "media_type_unsupported",
    422: "request_invalid",
    429: "too_many_requests",
    431: "headers_too_large",
    503: "overloaded",
}


def status_of(code: str) -> tuple[int, str]:
    """Return status and title for a code; 500 for one that no door knows."""
    return STATUS.get(code, STATUS["internal_error"])


def code_of_status(status: int) -> str:
    """Return the door's code for a bare status of 400 or more."""
    return _OF_STATUS.get(status, "request_malformed" if status < 500 else "internal_error")  # noqa: PLR2004 - HTTP's own border
