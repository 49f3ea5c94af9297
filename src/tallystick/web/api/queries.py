"""The API's queries: each operation takes its own parameters and no other."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final, get_type_hints

from django.http import HttpRequest

from tallystick.web.api.paging import Cursor, Limit
from tallystick.web.api.schemas import Owner, ReviewState
from tallystick.web.problems import QueryInvalid

__all__ = ["only_own_parameters"]

_View = Callable[..., Any]
#: What stands in the query wherever an operation takes it; other parameters are of the path.
_IN_QUERY: Final = (Limit, Cursor, Owner | None, ReviewState)


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
