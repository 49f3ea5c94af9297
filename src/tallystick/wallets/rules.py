"""Pure decisions about wallets: what may name an owner."""

from __future__ import annotations

import re
from typing import Final

from tallystick.wallets.errors import OwnerMalformed

__all__ = ["check_owner"]

#: Printable signs of any language and no white space at the ends; PostgreSQL keeps no NUL.
_OWNER: Final = re.compile(r"[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]{0,198}[^\s\x00-\x1f\x7f])?")


def check_owner(owner: str) -> None:
    """Raise OwnerMalformed for nothing, control signs, outer spaces, or over 200 signs."""
    if _OWNER.fullmatch(owner) is None:
        raise OwnerMalformed("Name the owner by 1 to 200 printable signs, as person:17.")
