"""Does a reply fit the SDK's own classes? Every field that it has, every field that it must have.

The SDK writes open lists of words as `Union[Literal[…], str]`: here only the words count.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import types
import typing
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, ClassVar, Literal, Union

import stripe
from stripe import ListObject, StripeObject
from stripe._stripe_object import UntypedStripeObject

CLASSES: dict[str, type[StripeObject]] = {
    "account": stripe.Account,
    "balance_transaction": stripe.BalanceTransaction,
    "charge": stripe.Charge,
    "checkout.session": stripe.checkout.Session,
    "dispute": stripe.Dispute,
    "event": stripe.Event,
    "item": stripe.LineItem,
    "payment_intent": stripe.PaymentIntent,
    "payment_method": stripe.PaymentMethod,
    "price": stripe.Price,
    "refund": stripe.Refund,
}

#: Groups of names that the account's owner chose.
_GROUPS = (dict, UntypedStripeObject)
#: Names that the SDK's base classes take from one another's modules.
_OFTEN = {"StripeObject": StripeObject}


def misfits(thing: Mapping[str, Any]) -> list[str]:
    """Return what the reply has that the SDK's class does not, or not so; empty if it fits."""
    if thing["object"] == "list":
        found = list(_of_list(thing, None, "list"))
        for number, one in enumerate(thing["data"]):
            found += [f"data[{number}].{text}" for text in misfits(one)]
        return found
    found = list(_of_object(thing, CLASSES[thing["object"]], thing["object"]))
    if thing["object"] == "event":
        found += [f"event: {text}" for text in misfits(thing["data"]["object"])]
    return found


def _of_object(thing: object, kind: type, path: str) -> Iterator[str]:
    if not isinstance(thing, Mapping):
        yield f"{path} is {thing!r}, no object"
        return
    hints = _hints(kind)
    for name in thing.keys() - hints.keys():
        yield f"{path}.{name} is unknown to {kind.__qualname__}"
    for name, hint in hints.items():
        if name in thing:
            yield from _of_value(thing[name], hint, f"{path}.{name}")
        elif type(None) not in typing.get_args(hint):
            yield f"{path}.{name} is missing"


def _of_list(thing: object, hint: Any, path: str) -> Iterator[str]:
    if not isinstance(thing, Mapping) or thing.keys() != {"object", "url", "has_more", "data"}:
        yield f"{path} is {thing!r}, no list"
        return
    if not (isinstance(thing["url"], str) and isinstance(thing["has_more"], bool)):
        yield f"{path} has another url or has_more"
    for number, one in enumerate(thing["data"]):
        if hint is not None:
            yield from _of_value(one, hint, f"{path}.data[{number}]")


def _of_value(value: object, hint: Any, path: str) -> Iterator[str]:
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin in {Union, types.UnionType}:
        yield from _of_union(value, parts, path)
    elif origin is Literal:
        if value not in parts:
            yield f"{path} is {value!r}, none of {', '.join(map(repr, parts))}"
    elif origin is list:
        yield from _of_array(value, parts[0], path)
    elif origin is ListObject:
        yield from _of_list(value, parts[0], path)
    elif inspect.isclass(hint) and issubclass(hint, StripeObject) and hint not in _GROUPS:
        yield from _of_object(value, hint, path)
    elif not _is_plain(value, origin or hint):
        yield f"{path} is {value!r}, no {hint}"


def _of_array(value: object, hint: Any, path: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{path} is {value!r}, no array"
        return
    for number, one in enumerate(value):
        yield from _of_value(one, hint, f"{path}[{number}]")


def _is_plain(value: object, kind: Any) -> bool:
    if kind in _GROUPS:
        return isinstance(value, dict)
    if kind is Decimal:
        # JSON carries it as text.
        return isinstance(value, str) and Decimal(value).is_finite()
    return kind is Any or type(value) is kind or (kind is float and type(value) is int)


def _of_union(value: object, parts: tuple[Any, ...], path: str) -> Iterator[str]:
    if value is None and type(None) in parts:
        return
    some = [part for part in parts if part is not type(None)]
    if any(typing.get_origin(part) is Literal for part in some):
        some = [part for part in some if part is not str]
    tried = [list(_of_value(value, part, path)) for part in some]
    if [] not in tried:
        # An id or the object itself: what is wrong with the object says more.
        yield from tried[-1]


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    """Return the class's own fields, with the names that it knows for type checkers alone."""
    found: dict[str, Any] = {}
    for one in kind.__mro__:
        if issubclass(one, StripeObject) and one is not StripeObject:
            names = vars(importlib.import_module(one.__module__))
            names = {**names, **_checked_imports(one.__module__)}
            found |= typing.get_type_hints(one, globalns=names, localns=_OFTEN)
    return {
        name: hint
        for name, hint in found.items()
        if typing.get_origin(hint) is not ClassVar and not name.startswith("_")
    }


@functools.cache
def _checked_imports(module: str) -> dict[str, Any]:
    tree = ast.parse(inspect.getsource(importlib.import_module(module)))
    blocks = [
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    names: dict[str, Any] = {}
    for line in (line for block in blocks for line in block.body):
        if isinstance(line, ast.ImportFrom) and line.module:
            source = importlib.import_module(line.module)
            names |= {one.asname or one.name: getattr(source, one.name) for one in line.names}
    return names
