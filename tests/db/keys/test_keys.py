"""Keys in PostgreSQL: what is kept, who may change it, and how a use is noted."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from factories.keys import issued
from factories.ledger import NOW
from tallystick import db, ids, keys
from tallystick.keys import (
    Environment,
    KeyAlreadyRevoked,
    KeyInvalid,
    KeyNotFound,
    KeyRefused,
    Scope,
)

TEST = Environment.TEST


def verify(conn, text, *, environment=TEST):
    key, now = keys.verify(conn, presented=text, environment=environment)
    assert now == db.now(conn)
    return key


def wait(conn, seconds):
    db.advance(conn, seconds=seconds, environment="development")


class TestIssue:
    def test_keeps_the_hash_and_no_secret(self, conn):
        new = issued(conn, Scope.WALLETS_READ, Scope.PAYMENTS_WRITE, owner="person:1")
        secret = new.text.rpartition("_")[2]
        (row,) = conn.execute("SELECT api_key::text FROM tallystick.api_key").fetchone()
        assert new.key.public_id in row
        assert secret not in row
        assert secret.encode().hex() not in row
        assert keys.get(conn, key_id=new.key.id) == new.key

    def test_makes_keys_that_share_nothing(self, conn):
        made = [issued(conn) for _ in range(50)]
        assert len({one.key.public_id for one in made}) == 50
        assert len({one.text.rpartition("_")[2] for one in made}) == 50

    def test_writes_nothing_that_is_refused(self, conn):
        with pytest.raises(KeyInvalid):
            issued(conn, expires_at=NOW)
        assert keys.recent(conn) == []


class TestVerify:
    def test_returns_the_key(self, conn):
        new = issued(conn, Scope.PAYMENTS_READ, owner="shop:1")
        assert verify(conn, new.text).id == new.key.id

    def test_refuses_all_others_alike(self, conn):
        new, revoked = issued(conn), issued(conn)
        short = issued(conn, expires_at=db.now(conn) + timedelta(minutes=1))
        assert verify(conn, short.text).id == short.key.id
        live = issued(conn, environment=Environment.LIVE)
        keys.revoke(conn, key_id=revoked.key.id, now=NOW)
        mixed = new.text.rpartition("_")[0] + "_" + revoked.text.rpartition("_")[2]
        texts = ["", "garbage", new.text.lower(), new.key.prefix, new.text[:-1], mixed]
        texts += [revoked.text, live.text, live.text.replace("live", "test")]
        said = set()
        for text in texts:
            with pytest.raises(KeyRefused) as refusal:
                verify(conn, text)
            said.add((str(refusal.value), refusal.value.code, repr(vars(refusal.value))))
        with pytest.raises(KeyRefused):
            verify(conn, new.text, environment=Environment.LIVE)
        wait(conn, 60)
        with pytest.raises(KeyRefused):
            verify(conn, short.text)
        assert len(said) == 1

    def test_writes_nothing(self, conn):
        new = issued(conn)
        verify(conn, new.text)
        assert keys.get(conn, key_id=new.key.id).last_used_at is None

    def test_finds_the_key_by_its_index(self, conn):
        conn.execute("SET LOCAL enable_seqscan = off")
        statement = keys.store.STATEMENTS["by_public_id"]
        plan = conn.execute(f"EXPLAIN {statement}", {"public_id": "0" * 16}).fetchall()
        assert "one_key_a_public_id" in str(plan)

    def test_allows_nothing_for_a_scope_of_another_version(self, database):
        with psycopg.connect(database.owner_url) as owner:
            owner.execute("ALTER TABLE tallystick.api_key DROP CONSTRAINT scopes_are_known")
            new = issued(owner)
            owner.execute("UPDATE tallystick.api_key SET scopes = '{new:scope,payments:read}'")
            assert verify(owner, new.text).scopes == {Scope.PAYMENTS_READ}


class TestNoteUse:
    def test_is_news_once_a_minute(self, conn):
        new = issued(conn)
        begun_at = db.now(conn)
        seen = []
        for pause_s in (0, 30, 29, 1, 1, 239):
            wait(conn, pause_s)
            now = db.now(conn)
            if keys.is_use_news(verify(conn, new.text), now):
                keys.note_use(conn, key_id=new.key.id, now=now)
            used = keys.get(conn, key_id=new.key.id).last_used_at
            seen.append((used - begun_at).total_seconds())
        assert seen == [0, 0, 0, 60, 60, 300]

    def test_does_not_wait_for_another_request_with_the_key(self, database):
        with database.connect() as one, database.connect() as other:
            new = issued(one)
            one.commit()
            keys.note_use(one, key_id=new.key.id, now=NOW)
            other.execute("SET LOCAL lock_timeout = '1s'")
            keys.note_use(other, key_id=new.key.id, now=NOW + timedelta(minutes=2))
            other.commit()
            one.commit()
            assert keys.get(one, key_id=new.key.id).last_used_at == NOW


class TestRevoke:
    def test_shuts_the_key_for_good(self, conn):
        new = issued(conn)
        assert keys.revoke(conn, key_id=new.key.id, now=NOW).revoked_at == NOW
        with pytest.raises(KeyRefused):
            verify(conn, new.text)
        with pytest.raises(KeyAlreadyRevoked) as refusal:
            keys.revoke(conn, key_id=new.key.id, now=NOW + timedelta(days=1))
        assert refusal.value.revoked_at == NOW

    def test_refuses_a_key_that_is_not_there(self, conn):
        with pytest.raises(KeyNotFound):
            keys.revoke(conn, key_id=ids.new(), now=NOW)


class TestRecent:
    def test_shows_the_newest_first_and_one_owner_s_alone(self, conn):
        first, second, third = (issued(conn, owner=one) for one in ("a", "b", "a"))
        assert [key.id for key in keys.recent(conn)] == [
            third.key.id,
            second.key.id,
            first.key.id,
        ]
        assert [key.id for key in keys.recent(conn, owner="a")] == [third.key.id, first.key.id]
        assert len(keys.recent(conn, limit=1)) == 1


class TestApplicationRole:
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE tallystick.api_key SET secret_sha256 = public_id::bytea",
            "UPDATE tallystick.api_key SET scopes = '{transfers:write}'",
            "UPDATE tallystick.api_key SET owner = NULL",
            "UPDATE tallystick.api_key SET expires_at = NULL",
            "UPDATE tallystick.api_key SET environment = 'live'",
            "DELETE FROM tallystick.api_key",
            "TRUNCATE tallystick.api_key",
        ],
    )
    def test_cannot_make_a_key_more_than_it_was(self, conn, statement):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute(statement)
