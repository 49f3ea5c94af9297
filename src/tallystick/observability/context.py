"""Whose request this is: an id bound at the door, carried through threads and tasks.

It makes no ids; the door does.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any, Final

__all__ = ["add_request_id", "bind_request_id", "request_id"]

_REQUEST_ID: Final[ContextVar[str]] = ContextVar("tallystick_request_id", default="")


def bind_request_id(identity: str) -> None:
    """Name the request that this task or thread works for, until its context ends."""
    _REQUEST_ID.set(identity)


def request_id() -> str:
    """Return the id of the request in hand, or an empty text outside one."""
    return _REQUEST_ID.get()


def add_request_id(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Add the request's id to a line, where there is one."""
    if identity := _REQUEST_ID.get():
        event.setdefault("request_id", identity)
    return event
