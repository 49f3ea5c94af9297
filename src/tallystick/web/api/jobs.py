"""`/api/jobs/{id}`: how background work stands. What it is about is not told here."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest
from ninja import Router

from tallystick import jobs
from tallystick.jobs import JobNotFound
from tallystick.keys import Scope
from tallystick.web.api.bearer import callers
from tallystick.web.api.schemas import JobOut
from tallystick.web.api.session import every_owner
from tallystick.web.database import whole_heart

__all__ = ["router"]

_DIGITS_MAX: Final = 19

router = Router(tags=["jobs"])


@router.get("/{job_id}", response=JobOut, auth=callers(Scope.PAYMENTS_READ))
def get_job(request: HttpRequest, job_id: str) -> JobOut:
    """Return how a job stands; for operators, and keys that reach every owner."""
    every_owner(request)
    is_number = job_id.isascii() and job_id.isdigit() and len(job_id) <= _DIGITS_MAX
    if not is_number:
        raise JobNotFound("There is no such job.")
    with whole_heart() as conn:
        return JobOut.of(jobs.queries.job(conn, job_id=int(job_id)))
