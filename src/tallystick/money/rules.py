"""Pure rules of money: sharing an amount out so that not one minor unit is lost. No I/O."""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.money.errors import MoneyMalformed
from tallystick.money.model import Money

__all__ = ["allocate"]


def allocate(money: Money, weights: Sequence[int]) -> list[Money]:
    """Share an amount out by whole weights and return one share a weight, in their order.

    The shares sum to the amount exactly. What division leaves over goes, a minor unit each, to the
    largest remainders, the earlier weight first; a negative amount is shared as its positive twin.
    A share differs from the exact one by less than one minor unit, and a weight of 0 gets nothing.
    Raises MoneyMalformed for no weight, a negative or fractional one, and weights of 0 alone.
    """
    total = _total(weights)
    sign = -1 if money.minor < 0 else 1
    parts = [divmod(abs(money.minor) * weight, total) for weight in weights]
    left = abs(money.minor) - sum(whole for whole, _ in parts)
    largest = sorted(range(len(parts)), key=lambda place: -parts[place][1])[:left]
    shares = [whole for whole, _ in parts]
    for place in largest:
        shares[place] += 1
    return [Money(sign * share, money.currency) for share in shares]


def _total(weights: Sequence[int]) -> int:
    """Return the sum of the weights, above 0."""
    if any(type(weight) is not int or weight < 0 for weight in weights):
        raise MoneyMalformed("Give every weight as a whole number of 0 or more.")
    total = sum(weights)
    if total == 0:
        raise MoneyMalformed("Give at least one weight above 0.")
    return total
