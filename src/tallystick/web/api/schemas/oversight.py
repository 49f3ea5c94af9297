"""What operators look after, as it goes over the wire: reviews and background work."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from ninja import Query
from pydantic import Field

from tallystick import ids
from tallystick.jobs import Job
from tallystick.payments import Review
from tallystick.web.api.schemas.forms import Strict

__all__ = ["JobOut", "ResolveIn", "ReviewOut", "ReviewState", "ReviewsOut"]

#: Which reviews are listed.
ReviewState = Annotated[
    Literal["open", "resolved"] | None, Query(description="Without it both are listed")
]


class ReviewOut(Strict):
    """A question about money that a person answers."""

    id: str
    kind: str
    #: What it is about: an id of ours or of the provider's.
    subject: str
    payment: str | None
    provider: str
    question: str
    state: Literal["open", "resolved"]
    opened_at: datetime
    resolved_at: datetime | None
    resolved_by: str | None
    reason: str | None

    @classmethod
    def of(cls, review: Review) -> Self:
        """Return the wire form."""
        return cls(
            id=ids.show("rev", review.id),
            kind=review.kind,
            subject=review.subject,
            payment=None if review.payment_id is None else ids.show("pay", review.payment_id),
            provider=review.provider,
            question=review.question,
            state="open" if review.is_open else "resolved",
            opened_at=review.opened_at,
            resolved_at=review.resolved_at,
            resolved_by=review.resolved_by,
            reason=review.reason,
        )


class ReviewsOut(Strict):
    """A part of the reviews, and the cursor of the next, null at the end."""

    items: list[ReviewOut]
    next: str | None


class ResolveIn(Strict):
    """What an operator answers."""

    reason: Annotated[str, Field(description="What you found, in 1 to 500 characters")]


class JobOut(Strict):
    """A piece of background work, without what it is about."""

    id: int
    name: str
    queue: str
    state: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    #: Runs that have ended.
    attempts: int
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, job: Job) -> Self:
        """Return the wire form."""
        return cls(
            id=job.id,
            name=job.name,
            queue=job.queue,
            state=job.state.value,
            attempts=job.attempts,
            created_at=job.created_at,
            finished_at=job.finished_at,
        )
