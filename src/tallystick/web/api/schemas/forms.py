"""What all wire forms share: strict, bounded, and no field that was not asked for."""

from __future__ import annotations

from typing import Annotated, Self

from ninja import Schema
from pydantic import ConfigDict, Field

from tallystick.money import MINOR_MAX, Money

__all__ = ["Code", "Id", "Minor", "MoneyOut", "Owner", "Strict"]

#: Minor units as JSON integers, exact in every reader.
Minor = Annotated[int, Field(ge=1, le=MINOR_MAX, description="Minor units of the currency")]
Code = Annotated[str, Field(pattern="^[A-Z]{3}$", description="ISO 4217, as KES")]
Id = Annotated[str, Field(min_length=5, max_length=40)]
Owner = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        description="For whom to act: for keys that reach every owner, who must say it",
    ),
]


class Strict(Schema):
    """A wire form: no type is guessed, and no unknown field is passed over."""

    model_config = ConfigDict(strict=True, extra="forbid")


class MoneyOut(Strict):
    """An amount: minor units and currency."""

    amount: int
    currency: str

    @classmethod
    def of(cls, money: Money) -> Self:
        """Return the wire form."""
        return cls(amount=money.minor, currency=money.currency.code)
