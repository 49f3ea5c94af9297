"""Why the keys room refuses.

ApiKeyError
├── KeyRefused          the key opens nothing here, for whichever reason
├── ScopeMissing        the key may not do this
├── OwnerMissing        a key that reaches every owner was not told for whom
├── OwnerNotFound       an owner beyond the reach: as if there were none
├── KeyNotFound         no such key
├── KeyAlreadyRevoked   somebody revoked it before
└── KeyInvalid          no key can be issued like this
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from tallystick.errors import TallystickError

if TYPE_CHECKING:
    from tallystick.keys.model import Scope

__all__ = [
    "ApiKeyError",
    "KeyAlreadyRevoked",
    "KeyInvalid",
    "KeyNotFound",
    "KeyRefused",
    "OwnerMissing",
    "OwnerNotFound",
    "ScopeMissing",
]


class ApiKeyError(TallystickError):
    """Something is wrong with an API key."""

    code = "api_key_error"


class KeyRefused(ApiKeyError):
    """The key opens nothing here. Absent, wrong, revoked and expired keys look the same."""

    code = "unauthenticated"

    def __init__(self) -> None:
        """Keep nothing: what was presented must not travel in an error."""
        super().__init__("This is no valid key.")


class ScopeMissing(ApiKeyError):
    """The key is valid, and it may not do this."""

    code = "scope_missing"

    def __init__(self, scope: Scope) -> None:
        """Keep the scope that the key would need."""
        super().__init__(f"The key lacks the scope {scope.value}. Issue one that has it.")
        self.scope = scope


class OwnerMissing(ApiKeyError):
    """A key that reaches every owner must say for whom it acts."""

    code = "owner_missing"
    field = "owner"

    def __init__(self) -> None:
        """Say what to send."""
        super().__init__("This key reaches every owner: name the one it acts for in `owner`.")


class OwnerNotFound(ApiKeyError):
    """The owner is beyond the caller's reach, which looks as if there were none."""

    code = "owner_not_found"
    field = "owner"

    def __init__(self, owner: str) -> None:
        """Keep the owner that was named."""
        super().__init__("There is no such owner.")
        self.owner = owner


class KeyNotFound(ApiKeyError):
    """There is no such key."""

    code = "key_not_found"

    def __init__(self, key_id: UUID) -> None:
        """Keep the id that was asked for."""
        super().__init__("There is no such key.")
        self.key_id = key_id


class KeyAlreadyRevoked(ApiKeyError):
    """The key was revoked before; it opens nothing since."""

    code = "key_already_revoked"

    def __init__(self, revoked_at: datetime) -> None:
        """Keep the moment when it was revoked."""
        super().__init__(f"The key is revoked already, since {revoked_at:%Y-%m-%d %H:%M} UTC.")
        self.revoked_at = revoked_at


class KeyInvalid(ApiKeyError):
    """No key can be issued with this name, these scopes, this reach or this end."""

    code = "key_invalid"
