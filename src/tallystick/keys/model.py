"""What a key is, without its secret, and what it may do. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

__all__ = ["Environment", "Issued", "Key", "Presented", "Scope", "StoredKey"]


class Environment(StrEnum):
    """Where a key opens: it says so itself, so that nobody takes one for the other."""

    LIVE = "live"  #: production, and nowhere else
    TEST = "test"  #: every other place


class Scope(StrEnum):
    """What a key may do. Reading is never part of writing."""

    WALLETS_READ = "wallets:read"  #: see wallets, balances and entries
    WALLETS_WRITE = "wallets:write"  #: open wallets
    PAYMENTS_READ = "payments:read"  #: see payments
    PAYMENTS_WRITE = "payments:write"  #: ask for payments
    TRANSFERS_READ = "transfers:read"  #: see transfers
    TRANSFERS_WRITE = "transfers:write"  #: move money from the owner's wallets
    REFUNDS_WRITE = "refunds:write"  #: give payments back, or a part of them


@dataclass(frozen=True, slots=True)
class Key:
    """An API key as everybody may see it who may see keys."""

    id: UUID
    #: The part between environment and secret, by which the key is found.
    public_id: str
    environment: Environment
    #: What its issuer calls it.
    name: str
    scopes: frozenset[Scope]
    #: The one owner whom it acts for; None where it reaches every owner.
    owner: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    #: To the minute, not better.
    last_used_at: datetime | None

    @property
    def prefix(self) -> str:
        """Return the beginning of the key, by which people know it again."""
        return f"tsk_{self.environment.value}_{self.public_id}"

    @property
    def caller(self) -> str:
        """Return the key's name as a caller: idempotency keys are each caller's own."""
        return f"key:{self.id}"


@dataclass(frozen=True, slots=True)
class Presented:
    """The parts of a text that has a key's form. Whether it opens anything is not known yet."""

    environment: Environment
    public_id: str
    secret: str = field(repr=False)

    @property
    def text(self) -> str:
        """Return the whole key."""
        return f"tsk_{self.environment.value}_{self.public_id}_{self.secret}"


@dataclass(frozen=True, slots=True)
class Issued:
    """A new key, and its text: the only time that anybody sees it."""

    key: Key
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key with what is kept of its secret."""

    key: Key
    secret_sha256: bytes = field(repr=False)
