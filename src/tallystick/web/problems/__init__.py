"""How a failure is told to programs: RFC 9457, the same from every door and layer.

The one dictionary from codes to statuses stands here. No answer holds internals or SQL.
"""

from __future__ import annotations

from tallystick.web.problems.catalogue import STATUS, code_of_status, status_of
from tallystick.web.problems.django import from_error, install, problem
from tallystick.web.problems.errors import (
    BodyTooLarge,
    BodyTooSlow,
    DoorError,
    HeadersTooLarge,
    JsonMalformed,
    MediaTypeUnsupported,
    MethodNotAllowed,
    Overloaded,
    QueryInvalid,
    QueryMalformed,
    RequestMalformed,
)
from tallystick.web.problems.replies import (
    PROBLEM_TYPE,
    PROTECTION,
    FieldError,
    encode,
    is_api,
    plain_page,
)

__all__ = [
    "PROBLEM_TYPE",
    "PROTECTION",
    "STATUS",
    "BodyTooLarge",
    "BodyTooSlow",
    "DoorError",
    "FieldError",
    "HeadersTooLarge",
    "JsonMalformed",
    "MediaTypeUnsupported",
    "MethodNotAllowed",
    "Overloaded",
    "QueryInvalid",
    "QueryMalformed",
    "RequestMalformed",
    "code_of_status",
    "encode",
    "from_error",
    "install",
    "is_api",
    "plain_page",
    "problem",
    "status_of",
]
