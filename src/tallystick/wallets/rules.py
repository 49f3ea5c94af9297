"""Pure decisions of the wallets: what may name an owner, and which transfer makes sense."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Final
from uuid import UUID

from tallystick import idempotency
from tallystick.money import CurrencyMismatch, Money
from tallystick.wallets.errors import NoteMalformed, OwnerMalformed, SelfTransfer
from tallystick.wallets.model import Wallet

__all__ = ["NOTE_MAX", "check_owner", "check_sides", "fingerprint", "readable_note"]

#: Printable signs of any language and no white space at the ends; PostgreSQL keeps no NUL.
_OWNER: Final = re.compile(r"[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]{0,198}[^\s\x00-\x1f\x7f])?")
#: Characters of a note: a line on a receipt.
NOTE_MAX: Final = 140
#: Categories of Unicode: controls, halves of a pair, private and unassigned signs, line ends.
_NO_TEXT: Final = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})
#: They make what follows read backwards: a note must not rewrite the line that it stands on.
_TURNING: Final = frozenset(
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\ufeff"
)


def check_owner(owner: str) -> None:
    """Raise OwnerMalformed for nothing, control signs, outer spaces, or over 200 signs."""
    if _OWNER.fullmatch(owner) is None:
        raise OwnerMalformed("Name the owner by 1 to 200 printable signs, as person:17.")


def check_sides(payer: Wallet, payee: Wallet, amount: Money) -> None:
    """Raise SelfTransfer or CurrencyMismatch for a transfer that no balance could make right."""
    if payer.id == payee.id:
        raise SelfTransfer("The money would stay where it is: choose another wallet.")
    if amount.currency != payer.currency:
        raise CurrencyMismatch(f"The wallet holds {payer.currency}, not {amount.currency}.")
    if payee.currency != amount.currency:
        raise CurrencyMismatch(f"The recipient's wallet does not hold {amount.currency}.")


def readable_note(note: str | None) -> str:
    """Return the note as it is kept, without outer spaces; nothing where there is none.

    Raises NoteMalformed unless it is one short line: signs that join letters or emoji are part of
    it, signs that turn its direction or end a line are not.
    """
    words = (note or "").replace("\N{NO-BREAK SPACE}", " ").strip()
    if len(words) > NOTE_MAX:
        raise NoteMalformed(f"A note has at most {NOTE_MAX} characters.")
    if any(unicodedata.category(sign) in _NO_TEXT or sign in _TURNING for sign in words):
        raise NoteMalformed("A note is one line without control characters.")
    return words


def fingerprint(*, from_wallet: UUID, to_wallet: UUID, amount: Money, note: str) -> bytes:
    """Return the fingerprint of a transfer's canonical arguments."""
    asked = [str(from_wallet), str(to_wallet), amount.minor, amount.currency.code, note]
    return idempotency.fingerprint("call", "wallets.transfer", json.dumps(asked).encode())
