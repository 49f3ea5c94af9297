"""`/api/reviews`: questions about money that operators answer. The money stays where it is."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router

from tallystick import ids, payments
from tallystick.web.api.paging import Cursor, Limit, after_id, show_cursor
from tallystick.web.api.schemas import ResolveIn, ReviewOut, ReviewsOut, ReviewState
from tallystick.web.api.session import now_of, operator_of
from tallystick.web.database import whole_heart

__all__ = ["router"]

router = Router(tags=["reviews"])


@router.get("", response=ReviewsOut)
def list_reviews(
    request: HttpRequest, limit: Limit = 50, cursor: Cursor = None, state: ReviewState = None
) -> ReviewsOut:
    """Return reviews, newest first; `next` is the cursor of the part that follows."""
    operator_of(request)
    before = after_id(cursor)
    is_open = None if state is None else state == "open"
    with whole_heart() as conn:
        # One more than asked for tells whether something follows.
        found = payments.reviews(conn, is_open=is_open, limit=limit + 1, before=before)
    items, rest = found[:limit], found[limit:]
    following = show_cursor(items[-1].id) if rest else None
    return ReviewsOut(items=[ReviewOut.of(review) for review in items], next=following)


@router.get("/{review_id}", response=ReviewOut)
def get_review(request: HttpRequest, review_id: str) -> ReviewOut:
    """Return one review."""
    operator_of(request)
    with whole_heart() as conn:
        found = payments.review(conn, review_id=ids.read("rev", review_id))
    return ReviewOut.of(found)


@router.post("/{review_id}/resolve", response=ReviewOut)
def resolve_review(request: HttpRequest, review_id: str, body: ResolveIn) -> ReviewOut:
    """Keep an operator's answer: once, with a reason."""
    operator = operator_of(request)
    with whole_heart() as conn:
        resolved = payments.resolve(
            conn,
            review_id=ids.read("rev", review_id),
            by=operator,
            reason=body.reason,
            now=now_of(request, conn),
        )
    return ReviewOut.of(resolved)
