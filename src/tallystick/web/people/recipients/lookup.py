"""The one lookup of recipients. It moves no money and opens no wallet."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from allauth.core.ratelimit import consume
from django.http import HttpRequest

from tallystick import ids, wallets
from tallystick.db import Connection
from tallystick.ids import IdMalformed
from tallystick.money import Currency
from tallystick.wallets import Wallet, WalletNotFound
from tallystick.web.database import heart
from tallystick.web.people.models import Person
from tallystick.web.people.recipients.errors import LookupsSpent, RecipientUnknown
from tallystick.web.people.recipients.masks import masked

__all__ = ["Recipient", "find", "names_of", "wallet_named"]

_LINK: Final = re.compile(r"(?:https?://[^/\s]{1,255})?/pay/(wal_[0-9a-z]{26})/?")
_TEXT_MAX: Final = 400
_NOBODY: Final = UUID(int=0)
_PERSON: Final = "person:"
_SOMEBODY: Final = "Somebody"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who gets the money: their wallet, and their name as others may see it."""

    wallet_id: UUID
    owner: str
    name: str


def find(request: HttpRequest, text: str, *, caller: str, currency: Currency) -> Recipient:
    """Return whom the text means: a handle, a wallet link or id, or a verified e-mail address.

    Counts for the caller, a person or an API key, which has more: raises LookupsSpent past the
    limit, and RecipientUnknown. An unknown name takes the same queries as a known one.
    """
    action = "find_recipient" if caller.startswith(_PERSON) else "find_recipient_by_key"
    if not consume(request, action=action, key=caller):
        raise LookupsSpent
    wallet_id = wallet_named(text)
    person = None if wallet_id else _named(text)
    with heart() as conn:
        if wallet_id:
            found = _any(conn, wallet_id)
        else:
            owner = person.owner if person else f"{_PERSON}{_NOBODY}"
            owned = wallets.of_owner(conn, owner=owner)
            found = next((wallet for wallet in owned if wallet.currency == currency), None)
    if found is None or found.currency != currency:
        raise RecipientUnknown
    names = {person.owner: _mask(person)} if person else names_of([found.owner])
    return Recipient(found.id, found.owner, names[found.owner])


def wallet_named(text: str) -> UUID | None:
    """Return the wallet that a link or a shown id names, or None for any other text."""
    link = _LINK.fullmatch(text.strip())
    try:
        return ids.read("wal", link[1] if link else text.strip())
    except IdMalformed:
        return None


def names_of(owners: Iterable[str | None]) -> dict[str, str]:
    """Return the masked name of each owner; who is no person is called Somebody."""
    wanted = {owner for owner in owners if owner is not None}
    keys = [owner.removeprefix(_PERSON) for owner in wanted if owner.startswith(_PERSON)]
    people = Person.objects.filter(pk__in=[key for key in keys if _is_uuid(key)])
    return dict.fromkeys(wanted, _SOMEBODY) | {person.owner: _mask(person) for person in people}


def _named(text: str) -> Person | None:
    """Return the active person of a handle or a verified address: one query, found or not."""
    wanted = text.strip()[:_TEXT_MAX].lower()
    active = Person.objects.filter(is_active=True)
    if "@" in wanted.removeprefix("@"):
        owned = {"emailaddress__email": wanted, "emailaddress__verified": True}
        return active.filter(**owned).first()
    return active.filter(handle=wanted.removeprefix("@")).first()


def _any(conn: Connection, wallet_id: UUID) -> Wallet | None:
    try:
        return wallets.payee(conn, wallet_id=wallet_id)
    except WalletNotFound:
        return None


def _mask(person: Person) -> str:
    return masked(name=person.name, handle=person.handle, email=person.email)


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
