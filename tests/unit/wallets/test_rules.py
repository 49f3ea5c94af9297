"""Which transfers make sense before anything is locked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from factories.ledger import KES, NOW
from tallystick import ids
from tallystick.money import Currency, CurrencyMismatch, Money
from tallystick.wallets import NOTE_MAX, NoteMalformed, SelfTransfer, Wallet, rules

NOTHING = Money(0, KES)
PAYER = Wallet(ids.new(), "person:a", KES, ids.new(), ids.new(), NOTHING, NOTHING, 0, NOW, NOTHING)
PAYEE = replace(PAYER, id=ids.new(), owner="person:b")
USD = Currency("USD")


class TestCheckSides:
    def test_lets_two_wallets_of_one_currency_pass(self):
        rules.check_sides(PAYER, PAYEE, Money(1, KES))

    def test_refuses_one_wallet_twice(self):
        with pytest.raises(SelfTransfer):
            rules.check_sides(PAYER, PAYER, Money(1, KES))

    @pytest.mark.parametrize(
        ("payer", "payee", "amount"),
        [
            (PAYER, PAYEE, Money(1, USD)),
            (PAYER, replace(PAYEE, currency=USD), Money(1, KES)),
            (replace(PAYER, currency=USD), PAYEE, Money(1, KES)),
        ],
    )
    def test_refuses_two_currencies(self, payer, payee, amount):
        with pytest.raises(CurrencyMismatch):
            rules.check_sides(payer, payee, amount)


class TestReadableNote:
    @pytest.mark.parametrize(
        ("note", "kept"),
        [
            (None, ""),
            ("", ""),
            ("Rent", "Rent"),
            (" rent ", "rent"),
            ("Kodi ya nyumba ☂", "Kodi ya nyumba ☂"),
            ("x" * NOTE_MAX, "x" * NOTE_MAX),
            ("10\xa0kg", "10 kg"),
            ("asante \N{MAN}\u200d\N{WOMAN}", "asante \N{MAN}\u200d\N{WOMAN}"),
        ],
    )
    def test_is_one_short_line_as_people_write(self, note, kept):
        assert rules.readable_note(note) == kept

    @pytest.mark.parametrize(
        "note",
        ["x" * (NOTE_MAX + 1), "a\nb", "a\tb", "a\x00", "\u202egnp", "a\u2028b", "\ud800"],
    )
    def test_refuses_the_rest(self, note):
        with pytest.raises(NoteMalformed):
            rules.readable_note(note)


class TestFingerprint:
    def test_differs_with_each_argument(self):
        one, other = ids.new(), ids.new()
        asked = [
            (one, other, 1, ""),
            (other, one, 1, ""),
            (one, other, 2, ""),
            (one, other, 1, "n"),
        ]
        found = {
            rules.fingerprint(from_wallet=a, to_wallet=b, amount=Money(c, KES), note=d)
            for a, b, c, d in asked
        }
        assert len(found) == 4
