"""Why the jobs room refuses.

JobError
├── JobRefused            what is enqueued has a name, delay or priority out of bounds
│   ├── ArgumentsRefused  arguments are ids and small integers, 2 KiB at most
│   └── QueueUnknown      no group's process reads this queue
├── HandlerKnown          two handlers of one name
├── HandlerUnknown        nobody knows how to run a job of this name
├── JobNotFound           no job has this number, or none has it any more
└── GiveUp                a handler says that another run will not help
"""

from __future__ import annotations

from tallystick.errors import TallystickError

__all__ = [
    "ArgumentsRefused",
    "GiveUp",
    "HandlerKnown",
    "HandlerUnknown",
    "JobError",
    "JobNotFound",
    "JobRefused",
    "QueueUnknown",
]


class JobError(TallystickError):
    """Something is wrong with a job."""

    code = "job_error"


class JobRefused(JobError):
    """The job cannot be enqueued as it is; nothing was written."""

    code = "job_refused"


class ArgumentsRefused(JobRefused):
    """Arguments of jobs are ids and small integers, within 2 KiB."""

    code = "job_arguments_refused"


class QueueUnknown(JobRefused):
    """No group's process reads this queue: the job would wait for ever."""

    code = "job_queue_unknown"


class HandlerKnown(JobError):
    """A second handler of the same name would take the first one's jobs."""

    code = "job_handler_known"


class HandlerUnknown(JobError):
    """No handler of this name is registered."""

    code = "job_handler_unknown"


class JobNotFound(JobError):
    """No job has this number; those that ended are kept for a while only."""

    code = "job_not_found"


class GiveUp(JobError):
    """Raised by a handler whose job another run cannot help: it is failed at once."""

    code = "job_given_up"
