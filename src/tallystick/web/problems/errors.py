"""What the door refuses before any room is asked.

DoorError
├── RequestMalformed       the head of the request makes no sense
├── HeadersTooLarge        too many header fields, or too long
├── MethodNotAllowed       a method that this server or this path does not know
├── BodyTooLarge           more bytes than the settings allow
├── BodyTooSlow            the whole body did not come in time
├── Overloaded             more requests wait than the process may keep
├── MediaTypeUnsupported   the body is not declared as JSON
├── JsonMalformed          the body is no JSON, or JSON that means two things
├── QueryMalformed         a parameter holds what no text may hold
└── QueryInvalid           a parameter that nobody asked for, stands twice, or is wrong
"""

from __future__ import annotations

from collections.abc import Mapping

from tallystick.errors import TallystickError

__all__ = [
    "BodyTooLarge",
    "BodyTooSlow",
    "DoorError",
    "HeadersTooLarge",
    "JsonMalformed",
    "MediaTypeUnsupported",
    "MethodNotAllowed",
    "Overloaded",
    "QueryInvalid",
    "QueryMalformed",
    "RequestMalformed",
]


class DoorError(TallystickError):
    """The door refuses the request."""

    code = "door_error"

    def __init__(self, sentence: str, *, headers: Mapping[str, str] | None = None) -> None:
        """Keep the sentence, and the header fields that the answer must have."""
        self.headers = dict(headers or {})
        super().__init__(sentence)


class RequestMalformed(DoorError):
    """The head of the request makes no sense, or could mean two things."""

    code = "request_malformed"


class HeadersTooLarge(DoorError):
    """There are too many header fields, or they are too long."""

    code = "headers_too_large"


class MethodNotAllowed(DoorError):
    """The path, or the whole server, does not know the method."""

    code = "method_not_allowed"


class BodyTooLarge(DoorError):
    """The body has more bytes than the settings allow."""

    code = "body_too_large"


class BodyTooSlow(DoorError):
    """The body was not complete within the time that the settings allow."""

    code = "body_too_slow"


class Overloaded(DoorError):
    """More requests wait already than this process may keep; nothing was done."""

    code = "overloaded"


class MediaTypeUnsupported(DoorError):
    """The body is not declared as application/json in UTF-8."""

    code = "media_type_unsupported"


class JsonMalformed(DoorError):
    """The body is no JSON, or JSON whose meaning depends on the reader."""

    code = "json_malformed"


class QueryMalformed(DoorError):
    """A query parameter holds what no text may hold."""

    code = "query_malformed"


class QueryInvalid(DoorError):
    """A query parameter is none of the operation's, stands twice, or is wrong."""

    code = "request_invalid"

    def __init__(self, parameter: str, sentence: str) -> None:
        """Keep the parameter's name, for the list of fields."""
        self.parameter = parameter
        super().__init__(sentence)
