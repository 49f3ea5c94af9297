"""Races about transfers between wallets, with real threads and commits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from factories.ledger import KES
from factories.races import together
from factories.wallets import wallet
from tallystick import db, ledger, wallets
from tallystick.db import Pool
from tallystick.money import Money
from tallystick.wallets import NoCover, Transferred, Wallet


@pytest.fixture
def pool(database) -> Iterator[Pool]:
    pool = Pool(database.application_url, size_max=64, timeout_s=20, application_name="race")
    yield pool
    pool.close()


def pair(pool: Pool, minor: int) -> tuple[Wallet, Wallet]:
    with pool.transaction() as conn:
        return wallet(conn, minor=minor), wallet(conn, minor=minor)


def send(pool: Pool, payer: Wallet, payee: Wallet, minor: int, key: str | None) -> Transferred:
    with pool.transaction() as conn:
        return wallets.transfer(
            conn,
            actor=payer.owner,
            owner=payer.owner,
            from_wallet=payer.id,
            to_wallet=payee.id,
            amount=Money(minor, KES),
            caller=payer.owner if key else None,
            key=key,
            request_id="race",
            now=db.now(conn),
        )


def held(pool: Pool, *owned: Wallet) -> list[int]:
    with pool.transaction() as conn:
        assert ledger.verify(conn) == []
        return [
            wallets.get(conn, wallet_id=one.id, owner=one.owner).available.minor for one in owned
        ]


class TestTransfer:
    def test_of_one_key_sixty_four_times_at_once_has_one_effect(self, pool):
        payer, payee = pair(pool, 1_000)
        done = together(64, lambda _: send(pool, payer, payee, 10, "one"))
        assert all(one == done[0] for one in done)
        assert held(pool, payer, payee) == [990, 1_010]

    def test_of_two_people_to_each_other_shows_no_deadlock(self, pool):
        pair_ = pair(pool, 1_000)

        def swap(number: int) -> None:
            payer, payee = pair_ if number % 2 else pair_[::-1]
            for turn in range(10):
                send(pool, payer, payee, 1, f"{number}-{turn}")

        together(16, swap)
        assert held(pool, *pair_) == [1_000, 1_000]

    def test_lets_exactly_what_is_covered_through(self, pool):
        payer, payee = pair(pool, 25)

        def debit(number: int) -> bool:
            try:
                send(pool, payer, payee, 1, f"debit-{number}")
            except NoCover:
                return False
            return True

        assert sum(together(64, debit)) == 25
        assert held(pool, payer, payee) == [0, 50]
