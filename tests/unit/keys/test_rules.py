"""A key's form, when it opens, what it may do and for whom."""

from __future__ import annotations

import hmac
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories.keys import key
from factories.ledger import NOW
from tallystick.keys import (
    RANDOM_BYTES,
    Environment,
    Issued,
    KeyInvalid,
    OwnerMissing,
    OwnerNotFound,
    Scope,
    ScopeMissing,
    rules,
)
from tallystick.keys.model import Presented, StoredKey

MINTED = rules.mint(Environment.TEST, bytes(range(RANDOM_BYTES)))


def stored(presented: Presented = MINTED, **change: object) -> StoredKey:
    kept = key(public_id=presented.public_id, **change)
    return StoredKey(kept, rules.digest(presented.secret))


class TestMint:
    @given(st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES), st.sampled_from(Environment))
    def test_makes_what_parse_reads(self, randomness, environment):
        minted = rules.mint(environment, randomness)
        assert rules.parse(minted.text) == minted
        assert minted.text.startswith(f"tsk_{environment}_")

    @given(st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES))
    def test_loses_no_bit_of_the_dice(self, randomness):
        minted = rules.mint(Environment.LIVE, randomness)
        alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
        number = 0
        for sign in minted.public_id + minted.secret:
            number = number * 32 + alphabet.index(sign)
        assert number.to_bytes(RANDOM_BYTES) == randomness

    def test_gives_the_secret_at_least_128_bits(self):
        assert len(MINTED.secret) * 5 >= 128


class TestParse:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "tsk_",
            "garbage",
            MINTED.text.lower(),
            MINTED.text.upper(),
            MINTED.text[:-1],
            MINTED.text + "0",
            MINTED.text + "\n",
            " " + MINTED.text,
            MINTED.text.replace("tsk_test", "tsk_dev"),
            MINTED.text.rpartition("_")[0],
            MINTED.text.rpartition("_")[0] + "_",
            MINTED.text[:-1] + "U",
            MINTED.text[:-1] + "\u0661",
        ],
    )
    def test_takes_no_other_spelling(self, text):
        assert rules.parse(text) is None


class TestHoldsKey:
    @pytest.mark.parametrize("text", [MINTED.text, MINTED.text.lower(), f"x={MINTED.text[:20]}"])
    def test_sees_a_key_whole_or_damaged(self, text):
        assert rules.holds_key(text)

    @pytest.mark.parametrize("text", ["", "person:1", "key_0123", "task_test"])
    def test_sees_none_where_none_is(self, text):
        assert not rules.holds_key(text)


class TestOpens:
    def opens(self, found: StoredKey | None, presented: Presented = MINTED) -> bool:
        return rules.opens(found, presented, environment=Environment.TEST, now=NOW)

    def test_says_yes_to_the_key_that_was_issued(self):
        assert self.opens(stored())
        assert self.opens(stored(expires_at=NOW + timedelta(seconds=1)))

    @pytest.mark.parametrize(
        "change",
        [
            {"revoked_at": NOW - timedelta(days=1)},
            {"revoked_at": NOW},
            {"expires_at": NOW},
            {"expires_at": NOW - timedelta(days=1)},
            {"environment": Environment.LIVE},
        ],
    )
    def test_says_no_to_what_is_over_or_of_elsewhere(self, change):
        assert not self.opens(stored(**change))

    def test_says_no_where_nothing_is_kept(self):
        assert not self.opens(None)

    def test_says_no_to_another_secret(self):
        other = rules.mint(Environment.TEST, bytes(10) + b"\x01" * 20)
        assert not self.opens(stored(other))

    def test_says_no_to_a_key_that_lies_about_its_environment(self):
        renamed = Presented(Environment.LIVE, MINTED.public_id, MINTED.secret)
        assert not self.opens(stored(), renamed)
        live = {"environment": Environment.LIVE, "now": NOW}
        assert not rules.opens(stored(), renamed, **live)

    @pytest.mark.parametrize("found", [None, stored(), stored(revoked_at=NOW)])
    def test_compares_digests_of_one_length_whatever_is_kept(self, monkeypatch, found):
        seen = []
        compare = hmac.compare_digest
        monkeypatch.setattr(hmac, "compare_digest", lambda *two: seen.append(two) or compare(*two))
        self.opens(found)
        assert [(len(one), len(other)) for one, other in seen] == [(32, 32)]


class TestIsUseNews:
    @pytest.mark.parametrize(("ago_s", "news"), [(0, False), (59, False), (60, True), (3600, True)])
    def test_is_so_once_a_minute(self, ago_s, news):
        used = key(last_used_at=NOW - timedelta(seconds=ago_s))
        assert rules.is_use_news(used, NOW) is news
        assert rules.is_use_news(key(), NOW)


class TestCheckScope:
    @pytest.mark.parametrize("scope", sorted(set(Scope) - {Scope.PAYMENTS_WRITE}))
    def test_takes_no_scope_for_another(self, scope):
        with pytest.raises(ScopeMissing) as refusal:
            rules.check_scope(key(scopes=frozenset({Scope.PAYMENTS_WRITE})), scope)
        assert refusal.value.scope is scope
        rules.check_scope(key(scopes=frozenset({scope})), scope)


class TestActingOwner:
    def test_of_one_owner_is_that_owner(self):
        assert rules.acting_owner("person:1", None) == "person:1"
        assert rules.acting_owner("person:1", "person:1") == "person:1"

    def test_of_every_owner_is_the_named_one(self):
        assert rules.acting_owner(None, "person:2") == "person:2"

    @pytest.mark.parametrize("named", ["person:2", "person:1 ", "PERSON:1", "person:10", ""])
    def test_beyond_the_reach_looks_absent(self, named):
        with pytest.raises(OwnerNotFound):
            rules.acting_owner("person:1", named)

    def test_must_be_named_where_every_owner_is_reached(self):
        with pytest.raises(OwnerMissing):
            rules.acting_owner(None, None)


class TestCheckIssue:
    @pytest.mark.parametrize(
        "change",
        [
            {"name": ""},
            {"name": " shop"},
            {"name": "shop\n"},
            {"name": "\x1b[31m"},
            {"name": "x" * 101},
            {"scopes": ()},
            {"owner": ""},
            {"owner": "x" * 201},
            {"owner": "person:\x00"},
            {"expires_at": NOW},
        ],
    )
    def test_refuses_what_no_key_can_be(self, change):
        sound = {"name": "shop", "scopes": [Scope.WALLETS_READ], "owner": None, "expires_at": None}
        rules.check_issue(**sound, now=NOW)
        with pytest.raises(KeyInvalid):
            rules.check_issue(**{**sound, **change}, now=NOW)


class TestRepr:
    @pytest.mark.parametrize(
        "thing", [MINTED, Issued(key(), MINTED.text), stored(), key()], ids=type
    )
    def test_shows_no_secret(self, thing):
        shown = f"{thing!r} {thing} {[thing]}"
        assert MINTED.secret not in shown
        assert repr(rules.digest(MINTED.secret)) not in shown
