"""A key's use is noted after the request; that it cannot be noted is no reason to refuse."""

from __future__ import annotations

import psycopg
import pytest

from factories.keys import issued
from tallystick import db, keys
from tallystick.keys import Scope


@pytest.fixture
def key(site):
    with psycopg.connect(site.url) as conn:
        return issued(conn, Scope.WALLETS_READ, owner="shop:a", now=db.now(conn))


def used_at(site, key):
    with psycopg.connect(site.url) as conn:
        return keys.get(conn, key_id=key.key.id).last_used_at


def ask(site, key, path="/api/wallets"):
    return site.browser().get(path, headers={"Authorization": f"Bearer {key.text}"}).status_code


class TestKeyUse:
    @pytest.mark.parametrize(
        ("path", "status"),
        [("/api/wallets", 200), ("/api/wallets/wal_" + "0" * 26, 404), ("/api/payments", 403)],
    )
    def test_is_noted_whatever_became_of_the_request(self, site, key, path, status):
        assert ask(site, key, path) == status
        assert used_at(site, key) is not None

    def test_that_cannot_be_noted_refuses_nobody(self, site, key, monkeypatch):
        def fail(*_: object, **__: object) -> None:
            raise psycopg.OperationalError("the disk is full")

        monkeypatch.setattr(keys, "note_use", fail)
        assert ask(site, key) == 200
        monkeypatch.undo()
        assert used_at(site, key) is None
        assert ask(site, key) == 200
        assert used_at(site, key) is not None
