"""The API's strict reading of JSON: what two readers could take differently is refused.

Refused beside broken JSON: double members, NaN and Infinity, numbers too large for a float,
lone surrogates, NUL, too deep or too many. It judges no field; schemas do.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict
from ninja.parser import Parser

from tallystick.db import is_text
from tallystick.web.problems import (
    JsonMalformed,
    MediaTypeUnsupported,
    QueryInvalid,
    QueryMalformed,
)

__all__ = ["StrictParser", "read_json"]

_DEPTH_MAX: Final = 32
_VALUES_MAX: Final = 20_000


class StrictParser(Parser):
    """The parser that the API is made with."""

    def parse_body(self, request: HttpRequest) -> Any:
        """Return the body's JSON; raise MediaTypeUnsupported or JsonMalformed."""
        charset = request.content_params.get("charset", "utf-8") if request.content_params else ""
        if request.content_type != "application/json" or charset.lower() not in {"", "utf-8"}:
            raise MediaTypeUnsupported("Send the body as application/json, in UTF-8.")
        return read_json(request.body)

    def parse_querydict(
        self, data: MultiValueDict[str, Any], list_fields: list[str], request: HttpRequest
    ) -> dict[str, Any]:
        """Return the parameters; raise QueryInvalid for a double, QueryMalformed for NUL."""
        for name, values in data.lists():
            if len(values) > 1 and name not in list_fields:
                raise QueryInvalid(name, "The parameter stands twice. Send it once.")
            if not all(is_text(text) for text in [name, *values] if isinstance(text, str)):
                raise QueryMalformed("A parameter holds NUL or half a character.")
        return super().parse_querydict(data, list_fields, request)


def read_json(raw: bytes) -> Any:
    """Return the value that the bytes mean to every reader; raise JsonMalformed for any other."""
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_float=_float,
        )
    except UnicodeDecodeError:
        raise JsonMalformed("The body is not UTF-8.") from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:
        # json's own sentences name a place; they never quote the body.
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise JsonMalformed(f"The body is not JSON{where}.") from None
    _walk(value)
    return value


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise JsonMalformed("An object has the same member twice.")
    return found


def _constant(_: str) -> NoReturn:
    raise JsonMalformed("NaN and Infinity are no JSON.")


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise JsonMalformed("A number is too large.")
    return number


def _walk(value: Any) -> None:
    """Look at every text in the value, level by level, and count."""
    level, seen = [value], 0
    for depth in range(_DEPTH_MAX + 1):
        seen += len(level)
        if seen > _VALUES_MAX:
            raise JsonMalformed(f"The body holds more than {_VALUES_MAX} values.")
        if not all(is_text(item) for item in level if isinstance(item, str)):
            raise JsonMalformed("A text holds NUL or half a character (a lone surrogate).")
        containers = [item for item in level if isinstance(item, (dict, list))]
        if not containers:
            return
        if depth == _DEPTH_MAX:
            raise _too_deep()
        level = [child for container in containers for child in _children(container)]


def _children(container: dict[str, Any] | list[Any]) -> list[Any]:
    if isinstance(container, dict):
        return [*container.keys(), *container.values()]
    return container


def _too_deep() -> JsonMalformed:
    return JsonMalformed(f"The body is nested more than {_DEPTH_MAX} levels deep.")
