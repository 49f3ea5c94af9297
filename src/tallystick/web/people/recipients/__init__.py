"""Recipients: who is meant by a handle, a wallet link or a verified e-mail address.

Asking is counted for each person, and names are masked: it confirms whom one knows, and
tells nobody who is here. Somebody unknown gets the same answer after the same work.
"""

from __future__ import annotations

from tallystick.web.people.recipients.errors import LookupsSpent, RecipientUnknown
from tallystick.web.people.recipients.lookup import Recipient, find, names_of, wallet_named
from tallystick.web.people.recipients.masks import masked

__all__ = [
    "LookupsSpent",
    "Recipient",
    "RecipientUnknown",
    "find",
    "masked",
    "names_of",
    "wallet_named",
]
