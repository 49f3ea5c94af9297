"""Refunds over real HTTP, by a key, to the provider and back; and the page that tells how."""

from __future__ import annotations

import json
import re
import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from factories.keys import issued
from tallystick import db, ids, ledger
from tallystick.keys import Scope
from tallystick.simulator import read_journal

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "refunds.md"


@pytest.fixture(scope="module")
def desk(house) -> httpx.Client:
    """Give the client of a program that may refund for everybody."""
    with house.database.connect() as conn:
        key = issued(conn, Scope.REFUNDS_WRITE, Scope.PAYMENTS_READ, now=db.now(conn))
    with httpx.Client(
        base_url=house.url, headers={"Authorization": f"Bearer {key.text}"}, timeout=20
    ) as client:
        yield client


def refund(desk, shown: str, *, key: str | None = None, **asked: object) -> httpx.Response:
    headers = {"Idempotency-Key": key or secrets.token_hex(8)}
    return desk.post(f"/api/payments/{shown}/refunds", json=asked, headers=headers)


def states(seen: dict) -> list[str]:
    return [one["state"] for one in seen["refunds"]]


def made_there(house, shown: str) -> list[int]:
    """Return the amounts that the provider itself has given back of a payment."""
    told = read_journal(house.simulator_url)
    session = house.database.scalar(
        "SELECT reference FROM tallystick.payment WHERE id = %s", ids.read("pay", shown)
    )
    charges = {one.id for one in told.charges.values() if one.session == session}
    return [one.amount for one in told.refunds.values() if one.charge in charges]


class TestRefund:
    def test_goes_to_the_provider_and_out_of_the_wallet(self, house, person, desk, pay, eventually):
        before = person.get(f"/api/wallets/{person.wallet}").json()["available"]["amount"]
        shown = pay()
        made = refund(desk, shown, amount=50_000)
        assert made.status_code == 201, made.text
        seen = eventually(person, shown, lambda one: states(one) == ["settled"])
        assert (seen["refunded"], seen["left"]) == (50_000, 100_000)
        assert refund(desk, shown).status_code == 201
        seen = eventually(person, shown, lambda one: states(one) == ["settled", "settled"])
        assert (seen["refunded"], seen["left"]) == (150_000, 0)
        wallet = person.get(f"/api/wallets/{person.wallet}").json()
        assert wallet["available"]["amount"] == before
        assert wallet["held"]["amount"] == 0
        refused = refund(desk, shown)
        assert (refused.status_code, refused.json()["code"]) == (409, "refund_too_large")
        with house.database.connect() as conn:
            assert ledger.verify(conn) == []

    def test_asked_twenty_times_at_once_is_made_once(self, house, person, desk, pay, eventually):
        shown = pay()

        def ask(_: int) -> httpx.Response:
            return refund(desk, shown, key="one-intent", amount=90_000)

        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(ask, range(20)))
        assert {one.status_code for one in answers} <= {201, 409}
        assert len({one.json()["id"] for one in answers if one.status_code == 201}) == 1
        seen = eventually(person, shown, lambda one: states(one) == ["settled"])
        assert seen["refunded"] == 90_000
        assert made_there(house, shown) == [90_000]

    @pytest.mark.full
    def test_that_comes_back_is_in_the_wallet_again(self, house, person, desk, pay, eventually):
        before = person.get(f"/api/wallets/{person.wallet}").json()["available"]["amount"]
        shown = pay(card="4000000000005126")
        assert refund(desk, shown).status_code == 201
        eventually(person, shown, lambda one: one["refunded"] == 150_000)
        clock = {"advance_s": 10}
        httpx.post(f"{house.simulator_url}/_simulator/clock", json=clock).raise_for_status()
        eventually(person, shown, lambda one: one["refunded"] == 0)
        wallet = person.get(f"/api/wallets/{person.wallet}").json()
        assert wallet["available"]["amount"] == before + 150_000


class TestHowTo:
    def test_shows_commands_that_work(self, person, pay, paste):
        shown = pay()
        told = paste(PAGE, {"you@example.org": person.email, "pay_…": shown})
        some, rest, seen = (json.loads(line) for line in told.splitlines())
        assert (some["amount"], rest["amount"]) == (50_000, 100_000)
        assert (seen["refunded"], seen["left"]) == (150_000, 0)
        assert [one["id"] for one in seen["refunds"]] == [some["id"], rest["id"]]

    def test_names_every_reason(self):
        schema = re.findall(r"`([a-z_]+)`", PAGE.read_text())
        from tallystick.payments import Reason  # noqa: PLC0415 - needed here alone

        assert set(Reason) <= set(schema)
