"""A ledger in dictionaries, as small as it can be: what the real one is compared with.

It knows the laws and nothing of rows, locks or batches.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Book:
    """One account: bounds, whether it is frozen, and its entries as (amount, balance after)."""

    floor: int | None
    ceiling: int | None
    frozen: bool = False
    entries: list[tuple[int, int]] = field(default_factory=list)

    @property
    def balance(self) -> int:
        return self.entries[-1][1] if self.entries else 0

    @property
    def version(self) -> int:
        return len(self.entries)


class No(Exception):
    """The deed may not happen; the text is the code of the refusal."""


@dataclass
class Auditor:
    """All books by name, and every transfer as (debit, credit, amount, what it undoes)."""

    books: dict[str, Book] = field(default_factory=dict)
    transfers: list[tuple[str, str, int, int | None]] = field(default_factory=list)

    def open(self, name: str, floor: int | None, ceiling: int | None) -> None:
        self.books.setdefault(name, Book(floor, ceiling))

    def post(
        self,
        moves: list[tuple[str, str, int, int | None]],
        conditions: list[tuple[str, int | None, int | None]] = (),
    ) -> str:
        """Do all moves or none, and return `posted` or why not."""
        lengths = {name: len(book.entries) for name, book in self.books.items()}
        known = len(self.transfers)
        try:
            self._check(moves, conditions)
            for debit, credit, amount, undoes in moves:
                self._move(debit, credit, amount, undoes)
        except No as refusal:
            for name, length in lengths.items():
                del self.books[name].entries[length:]
            del self.transfers[known:]
            return str(refusal)
        return "posted"

    def _check(self, moves, conditions) -> None:
        undone = [undoes for *_, undoes in moves if undoes is not None]
        if not moves or len(set(undone)) < len(undone):
            raise No("move_invalid")
        if any(amount <= 0 or debit == credit for debit, credit, amount, _ in moves):
            raise No("move_invalid")
        for name, version, least in conditions:
            if version is not None and self.books[name].version != version:
                raise No("version_conflict")
            if least is not None and self.books[name].balance < least:
                raise No("balance_condition_failed")
        if any(self.books[name].frozen for debit, credit, *_ in moves for name in (debit, credit)):
            raise No("account_frozen")

    def _move(self, debit: str, credit: str, amount: int, undoes: int | None) -> None:
        if undoes is not None:
            if self.transfers[undoes][3] is not None:
                raise No("reversal_not_reversible")
            if any(other == undoes for *_, other in self.transfers):
                raise No("already_reversed")
        payer, payee = self.books[debit], self.books[credit]
        if payer.floor is not None and payer.balance - amount < payer.floor:
            raise No("insufficient_funds")
        if payee.ceiling is not None and payee.balance + amount > payee.ceiling:
            raise No("ceiling_exceeded")
        payer.entries.append((-amount, payer.balance - amount))
        payee.entries.append((amount, payee.balance + amount))
        self.transfers.append((debit, credit, amount, undoes))
