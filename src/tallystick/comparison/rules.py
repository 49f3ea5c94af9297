"""The comparison itself: a full outer join of both by the provider's ids. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from uuid import UUID

from tallystick import ids
from tallystick.comparison.model import (
    Booking,
    Books,
    Comparison,
    Difference,
    Posted,
    Story,
    Sum,
    Told,
    Trouble,
)
from tallystick.money import Currency, Money

__all__ = ["compare"]


def compare(story: Story, books: Books) -> Comparison:
    """Return how what a provider told differs from the books."""
    sums = _sums(story, books)
    return Comparison(
        compared=Counter(one.kind for one in story.told),
        bookings=len(books.bookings),
        postings=len(books.postings),
        sums=sums,
        others=story.others,
        webhooks_owed=story.webhooks_owed,
        differences=[
            *_objects(story.told, books),
            *_done_twice(story.told),
            *_postings(books),
            *_other_sums(sums),
        ],
    )


def _objects(told: Iterable[Told], books: Books) -> Iterator[Difference]:
    """Yield what differs object by object, from both sides."""
    booked: dict[str, list[Booking]] = defaultdict(list)
    for booking in books.bookings:
        booked[booking.reference].append(booking)
    fees = {posted.posting_id: posted.fee for posted in books.postings}
    for one in told:
        yield from _object(one, booked.pop(one.reference, []), fees)
    for reference, bookings in booked.items():
        yield Difference(Trouble.UNKNOWN_THERE, reference, "nothing", _words(bookings))


def _object(
    told: Told, bookings: Sequence[Booking], fees: Mapping[UUID, int]
) -> Iterator[Difference]:
    trouble = _trouble(told, bookings)
    fee = sum(fees.get(posting, 0) for posting in {one.posting_id for one in bookings})
    if trouble is None and bookings and fee != told.fee:
        trouble = Trouble.OTHER_AMOUNT
    if trouble is not None:
        yield Difference(trouble, told.reference, _told(told), _words(bookings, fee=fee))
    for one in bookings:
        # Money for a payment that is not here has none.
        if one.payment_id is not None and ids.show("pay", one.payment_id) != told.payment:
            theirs = f"for {told.payment}"
            ours = f"for {ids.show('pay', one.payment_id)}"
            yield Difference(Trouble.OTHER_PAYMENT, told.reference, theirs, ours)


def _trouble(told: Told, bookings: Sequence[Booking]) -> Trouble | None:
    """Return what is wrong with how often, and with which amounts, an object is booked."""
    found = tuple(sorted(one.amount.minor for one in bookings))
    if found in told.ways:
        is_currency = all(one.amount.currency.code == told.currency for one in bookings)
        return None if is_currency else Trouble.OTHER_AMOUNT
    most = len(max(told.ways, key=len))
    if len(found) < most:
        return Trouble.NOT_BOOKED
    if len(found) > most:
        return Trouble.BOOKED_TWICE if most else Trouble.NOT_DONE
    return Trouble.OTHER_AMOUNT


def _done_twice(told: Sequence[Told]) -> Iterator[Difference]:
    """Yield refunds of ours that the provider made more than once, and sessions paid twice."""
    orders = Counter(one.order for one in told if one.order)
    objects = Counter(one.reference for one in told)
    for name, count in (orders + objects).items():
        if count > 1:
            yield Difference(Trouble.DONE_TWICE, name, f"{count} times", "once")


def _postings(books: Books) -> Iterator[Difference]:
    """Yield where rows and ledger differ: money without a row, a row without money."""
    bookings: dict[UUID, list[Booking]] = defaultdict(list)
    for booking in books.bookings:
        bookings[booking.posting_id].append(booking)
    for posted in books.postings:
        rows = bookings.pop(posted.posting_id, [])
        moved = f"{_money(posted.net, posted.currency)} in the ledger"
        if not rows:
            trouble = Trouble.NO_REASON
            yield Difference(trouble, str(posted.posting_id), "", f"{moved}, no row")
        elif not _fits(posted, rows):
            yield Difference(Trouble.OTHER_POSTING, rows[0].reference, "", _both(rows, moved))
    for rows in bookings.values():
        yield Difference(Trouble.NO_POSTING, rows[0].reference, "", _words(rows))


def _fits(posted: Posted, rows: Sequence[Booking]) -> bool:
    is_currency = all(one.amount.currency.code == posted.currency for one in rows)
    return is_currency and sum(one.amount.minor for one in rows) - posted.fee == posted.net


def _sums(story: Story, books: Books) -> list[Sum]:
    theirs: Counter[str] = Counter()
    for one in story.told:
        theirs[one.currency] += one.net
    currencies = sorted({*theirs, *books.held})
    return [Sum(code, theirs[code], books.held.get(code, 0)) for code in currencies]


def _other_sums(sums: Iterable[Sum]) -> Iterator[Difference]:
    for one in sums:
        if one.provider != one.books:
            theirs, ours = (_money(minor, one.currency) for minor in (one.provider, one.books))
            yield Difference(Trouble.OTHER_SUM, one.currency, f"holds {theirs}", f"hold {ours}")


def _told(told: Told) -> str:
    amounts = [_money(minor, told.currency) for minor in max(told.ways, key=len)]
    if told.fee:
        amounts.append(f"fee {_money(told.fee, told.currency)}")
    may = "perhaps " if len(told.ways) > 1 else ""
    return f"{told.kind} for {told.payment}: {may}{', '.join(amounts) or 'nothing yet'}"


def _words(bookings: Sequence[Booking], *, fee: int = 0) -> str:
    words = [f"{one.word} {one.amount}" for one in bookings]
    if fee:
        words.append(f"fee {_money(fee, bookings[0].amount.currency.code)}")
    return ", ".join(words) or "nothing"


def _both(rows: Sequence[Booking], moved: str) -> str:
    return f"{_words(rows)}, and {moved}"


def _money(minor: int, currency: str) -> str:
    return str(Money(minor, Currency(currency)))
