"""The API's queries: each operation takes its own parameters and no other; lists come in parts."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, Final, get_type_hints
from uuid import UUID

from django.http import HttpRequest
from ninja import Query

from tallystick.web.api.schemas import Owner
from tallystick.web.problems import QueryInvalid

__all__ = ["Cursor", "Limit", "cursor_of", "only_own_parameters", "read_cursor"]

#: How many of a list one answer holds at most.
Limit = Annotated[int, Query(ge=1, le=200, description="How many to return at most")]
#: Where the next part begins; what stands in it is nobody's business but ours.
Cursor = Annotated[
    str | None, Query(min_length=1, max_length=100, description="The last answer's `next`")
]

_View = Callable[..., Any]
#: What stands in the query wherever an operation takes it; other parameters are of the path.
_IN_QUERY: Final = (Limit, Cursor, Owner | None)
_ID_BYTES: Final = 16


def only_own_parameters(view: _View) -> _View:
    """Return the operation, which refuses each parameter that its signature does not name.

    It runs after the sign-in, and raises QueryInvalid.
    """
    hints = get_type_hints(view, include_extras=True)
    own = {name for name, hint in hints.items() if hint in _IN_QUERY}

    @wraps(view)
    def checked(request: HttpRequest, **values: Any) -> Any:
        for name in request.GET:
            if name not in own:
                known = f"It takes {' and '.join(sorted(own))}." if own else "It takes none."
                raise QueryInvalid(name[:100], f"The operation has no such parameter. {known}")
        return view(request, **values)

    return checked


def cursor_of(identity: UUID) -> str:
    """Return the cursor that points behind the thing with this id."""
    return urlsafe_b64encode(identity.bytes).decode().rstrip("=")


def read_cursor(text: str | None) -> UUID | None:
    """Return the id behind which to begin, None for the start; raise QueryInvalid for no cursor."""
    if text is None:
        return None
    try:
        raw = urlsafe_b64decode(f"{text}==")
    except (Base64Error, ValueError):
        raw = b""
    if len(raw) != _ID_BYTES or cursor_of(UUID(bytes=raw)) != text:
        raise QueryInvalid("cursor", "This is no cursor. Send the `next` of the answer before.")
    return UUID(bytes=raw)
