"""Background work: rows that commit with the deed, run later by a process a queue group.

This door needs SQL alone: what runs the jobs is `jobs.worker`, and only it knows Procrastinate.
Handlers must be safe to run twice: a run that dies is run again.
"""

from __future__ import annotations

from tallystick.jobs import queries
from tallystick.jobs.errors import (
    ArgumentsRefused,
    GiveUp,
    HandlerKnown,
    HandlerUnknown,
    JobError,
    JobNotFound,
    JobRefused,
    QueueUnknown,
)
from tallystick.jobs.model import GROUPS, Drain, Handler, Job, JobState, Periodic, Registry
from tallystick.jobs.operations import enqueue

__all__ = [
    "GROUPS",
    "ArgumentsRefused",
    "Drain",
    "GiveUp",
    "Handler",
    "HandlerKnown",
    "HandlerUnknown",
    "Job",
    "JobError",
    "JobNotFound",
    "JobRefused",
    "JobState",
    "Periodic",
    "QueueUnknown",
    "Registry",
    "enqueue",
    "queries",
]
